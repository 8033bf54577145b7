# Installs a build into a fresh prefix and uses it as another project would: by find_package,
# by pkg-config, and as README.md says. Run as a test, with these set by -D:
#   BUILD_DIR, CONFIG    the build to install
#   WORK_DIR             scratch, emptied first
#   CXX, CXX_FLAGS, GENERATOR, TOOLCHAIN, EMULATOR    how that build was made
#   BACKENDS             what its library must list
#   METHOD               cmake, pkg-config, readme, or c: a program in C, by pkg-config
#   README, PKG_CONFIG   the file and the program
#   C_COMPILER, C_FLAGS, C_SOURCE    for c
#   PREFIX               instead of BUILD_DIR and CONFIG: an installation that is there
cmake_minimum_required(VERSION 3.20)
include(${CMAKE_CURRENT_LIST_DIR}/readme.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)
set(source ${CMAKE_CURRENT_LIST_DIR})
set(program consumer)
set(prefix ${WORK_DIR}/prefix)

file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})
if(PREFIX)
  set(prefix ${PREFIX})
  set(CONFIG Release)
else()
  run(${CMAKE_COMMAND} --install ${BUILD_DIR} --config ${CONFIG} --prefix ${prefix})
endif()

# The blocks of the README, pasted.
if(METHOD STREQUAL "readme")
  set(source ${WORK_DIR}/source)
  set(program app)
  set(BACKENDS)
  readme_block(${README} cpp ${source}/app.cpp)
  readme_block(${README} cmake ${source}/CMakeLists.txt)
endif()

if(METHOD MATCHES "^(cmake|readme)$")
  set(toolchain)
  if(TOOLCHAIN)
    set(toolchain -DCMAKE_TOOLCHAIN_FILE=${TOOLCHAIN})
  endif()
  run(${CMAKE_COMMAND} -S ${source} -B ${WORK_DIR}/build -G ${GENERATOR} ${toolchain}
      -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_BUILD_TYPE=${CONFIG}
      -DCMAKE_PREFIX_PATH=${prefix})
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
  set(consumer ${WORK_DIR}/build/${program})
elseif(METHOD MATCHES "^(pkg-config|c)$")
  # The .pc file is found wherever the library directory happens to be.
  file(GLOB_RECURSE pc ${prefix}/lamella.pc)
  get_filename_component(pc_dir ${pc} DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${pc_dir})
  set(ENV{LD_LIBRARY_PATH} ${pc_dir}/..)  # for builds of a shared library
  execute_process(COMMAND ${PKG_CONFIG} --cflags --libs lamella OUTPUT_VARIABLE flags
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  separate_arguments(CXX_FLAGS UNIX_COMMAND "${CXX_FLAGS}")
  set(consumer ${WORK_DIR}/consumer)
  if(METHOD STREQUAL "c")
    separate_arguments(C_FLAGS UNIX_COMMAND "${C_FLAGS}")
    run(${C_COMPILER} -std=c99 ${C_FLAGS} ${C_SOURCE} -o ${consumer} ${flags})
    set(BACKENDS ${WORK_DIR}/model.safetensors)  # what the example asks for
  else()
    run(${CXX} -std=c++20 ${CXX_FLAGS} ${source}/consumer.cpp -o ${consumer} ${flags})
  endif()
else()
  message(FATAL_ERROR "METHOD is '${METHOD}', not cmake, pkg-config, readme or c")
endif()

run(${EMULATOR} ${consumer} ${BACKENDS})
