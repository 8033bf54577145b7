# What is shipped stays small: archive and tool, stripped, are at most LIMIT bytes each. Set by -D:
# ARCHIVE, TOOL, STRIP, WORK_DIR, LIMIT.
cmake_minimum_required(VERSION 3.20)
file(MAKE_DIRECTORY ${WORK_DIR})
foreach(file ${ARCHIVE} ${TOOL})
  get_filename_component(name ${file} NAME)
  file(REMOVE ${WORK_DIR}/${name})
  execute_process(COMMAND ${STRIP} --strip-unneeded -o ${WORK_DIR}/${name} ${file}
                  COMMAND_ERROR_IS_FATAL ANY)
  file(SIZE ${WORK_DIR}/${name} size)
  message(STATUS "${name}: ${size} bytes")
  if(size GREATER LIMIT)
    message(FATAL_ERROR "${name} has ${size} bytes stripped, more than ${LIMIT}")
  endif()
endforeach()
