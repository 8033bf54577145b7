# Installs a build into a fresh prefix and uses it as somebody else's project would: once by
# find_package, once by pkg-config. Run as a test, with these set by -D:
#   BUILD_DIR, CONFIG    the build to install
#   WORK_DIR             scratch, emptied first
#   CXX, CXX_FLAGS, GENERATOR, TOOLCHAIN, EMULATOR    how that build was made
#   BACKENDS             what its library must list
#   METHOD               cmake or pkg-config
cmake_minimum_required(VERSION 3.20)
set(source ${CMAKE_CURRENT_LIST_DIR})
set(prefix ${WORK_DIR}/prefix)

function(run)
  list(JOIN ARGN " " line)
  message(STATUS "${line}")
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --config ${CONFIG} --prefix ${prefix})

if(METHOD STREQUAL "cmake")
  set(toolchain)
  if(TOOLCHAIN)
    set(toolchain -DCMAKE_TOOLCHAIN_FILE=${TOOLCHAIN})
  endif()
  run(${CMAKE_COMMAND} -S ${source} -B ${WORK_DIR}/build -G ${GENERATOR} ${toolchain}
      -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_BUILD_TYPE=${CONFIG}
      -DCMAKE_PREFIX_PATH=${prefix})
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
  set(consumer ${WORK_DIR}/build/consumer)
elseif(METHOD STREQUAL "pkg-config")
  # The .pc file is found wherever the library directory happens to be.
  file(GLOB_RECURSE pc ${prefix}/lamella.pc)
  get_filename_component(pc_dir ${pc} DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${pc_dir})
  execute_process(COMMAND ${PKG_CONFIG} --cflags --libs lamella OUTPUT_VARIABLE flags
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  separate_arguments(CXX_FLAGS UNIX_COMMAND "${CXX_FLAGS}")
  set(consumer ${WORK_DIR}/consumer)
  run(${CXX} -std=c++20 ${CXX_FLAGS} ${source}/consumer.cpp -o ${consumer} ${flags})
else()
  message(FATAL_ERROR "METHOD is '${METHOD}', not cmake or pkg-config")
endif()

run(${EMULATOR} ${consumer} ${BACKENDS})
