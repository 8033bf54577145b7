# Compiles programs of users, with lamella's headers as part of them, and accepts no warning: the
# README's, and warnings.cpp. Set by -D: CXX, README, INCLUDE_DIR, WORK_DIR (emptied first).
cmake_minimum_required(VERSION 3.20)
include(${CMAKE_CURRENT_LIST_DIR}/readme.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)

file(REMOVE_RECURSE ${WORK_DIR})
readme_block(${README} cpp ${WORK_DIR}/app.cpp)
# -I, not -isystem, which would hide what headers are warned of. Optimised: some warnings need that.
foreach(source ${WORK_DIR}/app.cpp ${CMAKE_CURRENT_LIST_DIR}/warnings.cpp)
  run(${CXX} -std=c++20 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I${INCLUDE_DIR}
      -c ${source} -o ${WORK_DIR}/object.o)
endforeach()
