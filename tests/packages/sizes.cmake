# What is shipped stays small: archive and tool, stripped, are at most as large as their limits.
# Set by -D: ARCHIVE, ARCHIVE_LIMIT, TOOL, TOOL_LIMIT (bytes), STRIP, WORK_DIR.
cmake_minimum_required(VERSION 3.20)
file(MAKE_DIRECTORY ${WORK_DIR})
foreach(kind ARCHIVE TOOL)
  set(file ${${kind}})
  set(limit ${${kind}_LIMIT})
  get_filename_component(name ${file} NAME)
  file(REMOVE ${WORK_DIR}/${name})
  execute_process(COMMAND ${STRIP} --strip-unneeded -o ${WORK_DIR}/${name} ${file}
                  COMMAND_ERROR_IS_FATAL ANY)
  file(SIZE ${WORK_DIR}/${name} size)
  message(STATUS "${name}: ${size} bytes")
  if(size GREATER limit)
    message(FATAL_ERROR "${name} has ${size} bytes stripped, more than ${limit}")
  endif()
endforeach()
