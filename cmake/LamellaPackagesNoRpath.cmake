# Run by cpack on the files about to be packed: removes the library paths of programs and libraries.
file(GLOB_RECURSE lamella_binaries ${CPACK_TEMPORARY_DIRECTORY}/*/usr/bin/lamella
     ${CPACK_TEMPORARY_DIRECTORY}/*/liblamella_cblas.so.*.*.*)
foreach(binary IN LISTS lamella_binaries)
  file(RPATH_REMOVE FILE ${binary})
endforeach()
