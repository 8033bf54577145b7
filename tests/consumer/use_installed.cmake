# Installs a build into a fresh prefix and uses it as another project would: by find_package,
# by pkg-config, and as README.md says. Run as a test, with these set by -D:
#   BUILD_DIR, CONFIG    the build to install
#   WORK_DIR             scratch, emptied first
#   CXX, CXX_FLAGS, GENERATOR, TOOLCHAIN, EMULATOR    how that build was made
#   BACKENDS             what its library must list
#   METHOD               cmake, pkg-config, readme; c, c-cmake: a program in C, by pkg-config and
#                        in a project without C++; cblas: one that calls CBLAS, by pkg-config
#   README, PKG_CONFIG   the file and the program
#   C_COMPILER, C_FLAGS, C_SOURCE    for c and c-cmake
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

# A project in C alone.
if(METHOD STREQUAL "c-cmake")
  set(source ${WORK_DIR}/source)
  set(BACKENDS ${WORK_DIR}/model.safetensors)  # what the example asks for
  configure_file(${C_SOURCE} ${source}/main.c COPYONLY)
  file(WRITE ${source}/CMakeLists.txt "cmake_minimum_required(VERSION 3.20)
project(in_c LANGUAGES C)
find_package(lamella REQUIRED)
add_executable(consumer main.c)
target_link_libraries(consumer PRIVATE lamella::lamella)
")
endif()

if(METHOD MATCHES "^(cmake|readme|c-cmake)$")
  set(toolchain)
  if(TOOLCHAIN)
    set(toolchain -DCMAKE_TOOLCHAIN_FILE=${TOOLCHAIN})
  endif()
  run(${CMAKE_COMMAND} -S ${source} -B ${WORK_DIR}/build -G ${GENERATOR} ${toolchain}
      -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_C_COMPILER=${C_COMPILER}
      -DCMAKE_C_FLAGS=${C_FLAGS} -DCMAKE_BUILD_TYPE=${CONFIG} -DCMAKE_PREFIX_PATH=${prefix})
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
  set(consumer ${WORK_DIR}/build/${program})
elseif(METHOD MATCHES "^(pkg-config|c|cblas)$")
  set(module lamella)
  if(METHOD STREQUAL "cblas")
    set(module lamella-cblas)
  endif()
  # The .pc file is found wherever the library directory happens to be.
  file(GLOB_RECURSE pc ${prefix}/${module}.pc)
  get_filename_component(pc_dir ${pc} DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${pc_dir})
  set(ENV{LD_LIBRARY_PATH} ${pc_dir}/..)  # for builds of a shared library
  execute_process(COMMAND ${PKG_CONFIG} --cflags --libs ${module} OUTPUT_VARIABLE flags
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  # OpenMP in the code of users is their own business: it makes some of it much slower.
  if(flags MATCHES "-fopenmp")
    message(FATAL_ERROR "${module}.pc turns OpenMP on: ${flags}")
  endif()
  separate_arguments(flags UNIX_COMMAND "${flags}")
  separate_arguments(CXX_FLAGS UNIX_COMMAND "${CXX_FLAGS}")
  separate_arguments(C_FLAGS UNIX_COMMAND "${C_FLAGS}")
  set(consumer ${WORK_DIR}/consumer)
  if(METHOD STREQUAL "c")
    run(${C_COMPILER} -std=c99 ${C_FLAGS} ${C_SOURCE} -o ${consumer} ${flags})
    set(BACKENDS ${WORK_DIR}/model.safetensors)  # what the example asks for
  elseif(METHOD STREQUAL "cblas")
    run(${C_COMPILER} -std=c99 ${C_FLAGS} ${source}/cblas.c -o ${consumer} ${flags})
    set(BACKENDS "")
  else()
    run(${CXX} -std=c++20 ${CXX_FLAGS} ${source}/consumer.cpp -o ${consumer} ${flags})
  endif()
  # --static is for the archive, which is there: beside a shared library, or alone.
  if(NOT METHOD STREQUAL "cblas")
    execute_process(COMMAND ${PKG_CONFIG} --cflags --libs --static ${module} OUTPUT_VARIABLE flags
                    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    string(REPLACE " -llamella " " -l:liblamella.a " flags "${flags} ")
    separate_arguments(flags UNIX_COMMAND "${flags}")
    if(METHOD STREQUAL "c")
      run(${C_COMPILER} -std=c99 ${C_FLAGS} ${C_SOURCE} -o ${consumer}-static ${flags})
    else()
      run(${CXX} -std=c++20 ${CXX_FLAGS} ${source}/consumer.cpp -o ${consumer}-static ${flags})
    endif()
    run(${EMULATOR} ${consumer}-static ${BACKENDS})
  endif()
else()
  message(FATAL_ERROR "METHOD is '${METHOD}', none of the above")
endif()

run(${EMULATOR} ${consumer} ${BACKENDS})
