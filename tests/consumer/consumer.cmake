# Tests that install lamella and use it from outside; the work is in use_installed.cmake and
# minimal.cmake.
find_program(LAMELLA_PKG_CONFIG NAMES pkg-config pkgconf)
if(NOT LAMELLA_PKG_CONFIG)
  lamella_missing(pkg-config pkgconf LAMELLA_WITH_TESTS)
endif()

# lamella_consumer_test(<name> METHOD <method> BUILD_DIR <build> CONFIG <its configuration>),
# or PREFIX <an installation> instead of the build.
function(lamella_consumer_test name)
  cmake_parse_arguments(arg "" "METHOD;BUILD_DIR;CONFIG;PREFIX" "" ${ARGN})
  add_test(NAME ${name}
           COMMAND ${CMAKE_COMMAND}
                   -DMETHOD=${arg_METHOD}
                   -DBUILD_DIR=${arg_BUILD_DIR}
                   -DCONFIG=${arg_CONFIG}
                   -DPREFIX=${arg_PREFIX}
                   -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/consumer/${name}
                   -DCXX=${CMAKE_CXX_COMPILER}
                   -DCXX_FLAGS=${CMAKE_CXX_FLAGS}
                   -DGENERATOR=${CMAKE_GENERATOR}
                   -DTOOLCHAIN=${CMAKE_TOOLCHAIN_FILE}
                   "-DEMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}"
                   -DC_COMPILER=${CMAKE_C_COMPILER}
                   -DC_FLAGS=${CMAKE_C_FLAGS}
                   -DC_SOURCE=${PROJECT_SOURCE_DIR}/examples/c_api.c
                   -DREADME=${PROJECT_SOURCE_DIR}/README.md
                   -DPKG_CONFIG=${LAMELLA_PKG_CONFIG}
                   "-DBACKENDS=${lamella_backends}"
                   -P ${PROJECT_SOURCE_DIR}/tests/consumer/use_installed.cmake)
endfunction()

set(methods cmake pkg-config readme c c-cmake)
if(LAMELLA_WITH_CBLAS)
  list(APPEND methods cblas)
endif()
foreach(method ${methods})
  lamella_consumer_test(consumer.${method} METHOD ${method} BUILD_DIR ${PROJECT_BINARY_DIR}
                        CONFIG $<CONFIG>)
endforeach()

# A component that nobody has.
add_test(NAME consumer.unknown_component
         COMMAND ${CMAKE_COMMAND}
                 -DBUILD_DIR=${PROJECT_BINARY_DIR}
                 -DCONFIG=$<CONFIG>
                 -DGENERATOR=${CMAKE_GENERATOR}
                 -DWITH_CBLAS=${LAMELLA_WITH_CBLAS}
                 -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/consumer/unknown_component
                 -P ${CMAKE_CURRENT_LIST_DIR}/unknown_component.cmake)

# Programs that are compiled only, by this build's compiler and by the other one that lamella
# supports.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  find_program(LAMELLA_OTHER_CXX NAMES clang++-14 clang++)
else()
  find_program(LAMELLA_OTHER_CXX NAMES g++-12 g++)
endif()
mark_as_advanced(LAMELLA_OTHER_CXX)
foreach(which this other)
  set(compiler ${CMAKE_CXX_COMPILER})
  if(which STREQUAL "other")
    set(compiler ${LAMELLA_OTHER_CXX})
  endif()
  if(NOT compiler)
    foreach(test warnings element_types)
      add_test(NAME consumer.${test}.other
               COMMAND ${CMAKE_COMMAND} -E echo "skipped: needs g++ and clang++")
      set_tests_properties(consumer.${test}.other PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
    endforeach()
    continue()
  endif()
  add_test(NAME consumer.warnings.${which}
           COMMAND ${CMAKE_COMMAND}
                   -DCXX=${compiler}
                   -DREADME=${PROJECT_SOURCE_DIR}/README.md
                   -DINCLUDE_DIR=${PROJECT_SOURCE_DIR}/include
                   -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/consumer/warnings.${which}
                   -P ${CMAKE_CURRENT_LIST_DIR}/warnings.cmake)
  add_test(NAME consumer.element_types.${which}
           COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_LIST_DIR}/element_types.py
                   --include ${PROJECT_SOURCE_DIR}/include ${compiler})
endforeach()

# lamella as a part of another project. What is built is the same for every preset, so only the
# plain ones look.
if(CMAKE_CROSSCOMPILING OR CMAKE_CXX_FLAGS MATCHES "-fsanitize" OR BUILD_SHARED_LIBS)
  return()
endif()
set(optional)
foreach(option OPENMP TBB PLUGINS)
  list(APPEND optional -DLAMELLA_WITH_${option}=${LAMELLA_WITH_${option}})
endforeach()
foreach(how add_subdirectory FetchContent)
  add_test(NAME consumer.${how}
           COMMAND ${CMAKE_COMMAND}
                   -DHOW=${how}
                   -DSOURCE_DIR=${PROJECT_SOURCE_DIR}
                   -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/consumer/${how}
                   -DC_COMPILER=${CMAKE_C_COMPILER}
                   -DCXX=${CMAKE_CXX_COMPILER}
                   -DCXX_FLAGS=${CMAKE_CXX_FLAGS}
                   -DCTEST=${CMAKE_CTEST_COMMAND}
                   -DGENERATOR=${CMAKE_GENERATOR}
                   "-DOPTIONS=${optional}"
                   -P ${CMAKE_CURRENT_LIST_DIR}/guest.cmake)
endforeach()
find_program(LAMELLA_NINJA NAMES ninja ninja-build)
mark_as_advanced(LAMELLA_NINJA)
if(LAMELLA_NINJA)
  foreach(option CBLAS TOOLS TESTS BENCH)
    list(APPEND optional -DLAMELLA_WITH_${option}=${LAMELLA_WITH_${option}})
  endforeach()
  add_test(NAME consumer.multi_config
           COMMAND ${CMAKE_COMMAND}
                   -DSOURCE_DIR=${PROJECT_SOURCE_DIR}
                   -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/consumer/multi_config
                   -DC_COMPILER=${CMAKE_C_COMPILER}
                   -DCXX=${CMAKE_CXX_COMPILER}
                   -DCXX_FLAGS=${CMAKE_CXX_FLAGS}
                   -DNINJA=${LAMELLA_NINJA}
                   "-DOPTIONS=${optional}"
                   -P ${CMAKE_CURRENT_LIST_DIR}/multi_config.cmake)
else()
  add_test(NAME consumer.multi_config COMMAND ${CMAKE_COMMAND} -E echo "skipped: no ninja")
  set_tests_properties(consumer.multi_config PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
endif()

# These build the library a second time, so they are slow ones.
string(REGEX REPLACE "(^|/)g\\+\\+" "\\1gcc" other_c "${LAMELLA_OTHER_CXX}")
string(REPLACE "clang++" "clang" other_c "${other_c}")
foreach(which this other)
  set(compilers -DC_COMPILER=${CMAKE_C_COMPILER} -DCXX=${CMAKE_CXX_COMPILER}
                -DCXX_FLAGS=${CMAKE_CXX_FLAGS})
  if(which STREQUAL "other")
    set(compilers -DC_COMPILER=${other_c} -DCXX=${LAMELLA_OTHER_CXX})
  endif()
  if(which STREQUAL "other" AND NOT LAMELLA_OTHER_CXX)
    add_test(NAME consumer.minimal.other
             COMMAND ${CMAKE_COMMAND} -E echo "skipped: needs g++ and clang++")
    set_tests_properties(consumer.minimal.other PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
    continue()
  endif()
  add_test(NAME consumer.minimal.${which}
           COMMAND ${CMAKE_COMMAND}
                   -DSOURCE_DIR=${PROJECT_SOURCE_DIR}
                   -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/consumer/minimal.${which}
                   ${compilers}
                   -DGENERATOR=${CMAKE_GENERATOR}
                   -DREADELF=${CMAKE_READELF}
                   -P ${CMAKE_CURRENT_LIST_DIR}/minimal.cmake)
  set_tests_properties(consumer.minimal.${which} PROPERTIES LABELS slow PROCESSORS 2 TIMEOUT 1800)
endforeach()
