# Tests of liblamella_cblas.so: its routines, its symbols, and programs that were made for another
# CBLAS: Netlib's test programs, one of our own, NumPy.
lamella_test_executable(cblas LIBRARIES lamella::cblas)
add_test(NAME cblas COMMAND lamella_cblas_tests)
add_test(NAME cblas.no_backend COMMAND lamella_cblas_tests "[.no_backend]")
set_tests_properties(cblas.no_backend PROPERTIES ENVIRONMENT LAMELLA_BACKEND=nonsense)

# Compiled with lamella's header, and with the system's where there is one: it then also runs on the
# system's library, and on ours by LD_PRELOAD.
function(lamella_cblas_program name header)
  add_executable(${name} cblas/program.c)
  target_compile_definitions(${name} PRIVATE CBLAS_HEADER=${header})
  target_link_libraries(${name} PRIVATE lamella_flags ${ARGN})
endfunction()
lamella_cblas_program(lamella_cblas_program <lamella/cblas.h> lamella::cblas)
lamella_test_exit_code(cblas.default_handler 255
                       "lamella_cblas: cblas_dgemm: backend .*nonsense.* is unknown"
                       ${CMAKE_COMMAND} -E env LAMELLA_BACKEND=nonsense
                       ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:lamella_cblas_program>)

# LD_PRELOAD and LD_DEBUG are the native dynamic linker's; sanitizers must come first themselves.
if(CMAKE_CROSSCOMPILING OR CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  return()
endif()

add_test(NAME cblas.symbols
         COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/structure/exported_symbols.py
                 --nm ${CMAKE_NM} $<TARGET_FILE:lamella_cblas>
                 ${PROJECT_SOURCE_DIR}/include/lamella/cblas.h)

# With two threads, wherever this runs.
foreach(backend ${lamella_backends})
  add_test(NAME cblas.fork.${backend}
           COMMAND lamella_cblas_tests "[.fork]")
  set_tests_properties(cblas.fork.${backend} PROPERTIES LABELS ${backend} ENVIRONMENT
                       "LAMELLA_BACKEND=${backend};LAMELLA_NUM_THREADS=2")
endforeach()

set(netlib_directory /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/blas)
foreach(backend ${lamella_backends})
  foreach(program xscblat2 xscblat3 xdcblat2 xdcblat3)
    add_test(NAME cblas.${program}.${backend}
             COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/cblas/netlib.py
                     --library $<TARGET_FILE:lamella_cblas> --backend ${backend}
                     --directory ${netlib_directory} ${program})
    set_tests_properties(cblas.${program}.${backend} PROPERTIES LABELS ${backend}
                                                                SKIP_RETURN_CODE 77)
  endforeach()
endforeach()
add_test(NAME cblas.netlib_selftest
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/cblas/netlib_selftest.py)

find_path(LAMELLA_SYSTEM_CBLAS_INCLUDE cblas.h PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE})
find_library(LAMELLA_SYSTEM_CBLAS NAMES blas)
mark_as_advanced(LAMELLA_SYSTEM_CBLAS_INCLUDE LAMELLA_SYSTEM_CBLAS)
if(LAMELLA_SYSTEM_CBLAS_INCLUDE AND LAMELLA_SYSTEM_CBLAS)
  lamella_cblas_program(lamella_system_cblas_program <cblas.h> ${LAMELLA_SYSTEM_CBLAS})
  target_include_directories(lamella_system_cblas_program PRIVATE ${LAMELLA_SYSTEM_CBLAS_INCLUDE})
  add_test(NAME cblas.preload
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/cblas/preload.py
                   --library $<TARGET_FILE:lamella_cblas>
                   $<TARGET_FILE:lamella_system_cblas_program>)
else()
  add_test(NAME cblas.preload
           COMMAND ${CMAKE_COMMAND} -E echo "skipped: no CBLAS to compile with (libblas-dev)")
  set_tests_properties(cblas.preload PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
endif()
add_test(NAME cblas.numpy
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/cblas/preload.py
                 --library $<TARGET_FILE:lamella_cblas> --numpy)
set_tests_properties(cblas.numpy PROPERTIES SKIP_RETURN_CODE 77)
