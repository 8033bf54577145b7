# Run by cpack on the files about to be packed, to make them what Debian's rules ask for.
#
# Debian's directories are on the loader's path, and its programs carry none of their own.
file(GLOB_RECURSE lamella_binaries ${CPACK_TEMPORARY_DIRECTORY}/*/usr/bin/lamella
     ${CPACK_TEMPORARY_DIRECTORY}/*/liblamella_cblas.so.*.*.*)
foreach(binary IN LISTS lamella_binaries)
  file(RPATH_REMOVE FILE ${binary})
endforeach()
# Man pages and changelogs are compressed, without the time in the file.
file(GLOB_RECURSE lamella_texts ${CPACK_TEMPORARY_DIRECTORY}/*/changelog
     ${CPACK_TEMPORARY_DIRECTORY}/*/changelog.Debian ${CPACK_TEMPORARY_DIRECTORY}/*/lamella.1)
foreach(text IN LISTS lamella_texts)
  execute_process(COMMAND gzip --best --no-name ${text} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
