# What a program or shared library asks of the dynamic loader; READELF names the program that tells.
#
# dynamic_section(<file> <tag> <variable>): the names under a tag (NEEDED, SONAME, RUNPATH) of the
# dynamic section. Output that does not name libc has not been understood, and is an error.
function(dynamic_section file tag variable)
  execute_process(COMMAND ${READELF} --dynamic --wide ${file} OUTPUT_VARIABLE text
                  COMMAND_ERROR_IS_FATAL ANY)
  if(NOT text MATCHES "\\(NEEDED\\)[^\n]*\\[libc[^]]*\\]")
    message(FATAL_ERROR "${READELF} does not say that ${file} needs libc:\n${text}")
  endif()
  string(REGEX MATCHALL "\\(${tag}\\)[^\n]*\\[[^]]*\\]" lines "${text}")
  set(names)
  foreach(line IN LISTS lines)
    string(REGEX REPLACE ".*\\[(.*)\\]" "\\1" name "${line}")
    list(APPEND names ${name})
  endforeach()
  set(${variable} ${names} PARENT_SCOPE)
endfunction()
