# Tests that install lamella and use it from outside; the work is in run.cmake and minimal.cmake.
find_program(LAMELLA_PKG_CONFIG NAMES pkg-config pkgconf)
if(NOT LAMELLA_PKG_CONFIG)
  lamella_missing(pkg-config pkgconf LAMELLA_WITH_TESTS)
endif()

foreach(method cmake pkg-config readme)
  add_test(NAME consumer.${method}
           COMMAND ${CMAKE_COMMAND}
                   -DMETHOD=${method}
                   -DBUILD_DIR=${PROJECT_BINARY_DIR}
                   -DCONFIG=$<CONFIG>
                   -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/consumer/${method}
                   -DCXX=${CMAKE_CXX_COMPILER}
                   -DCXX_FLAGS=${CMAKE_CXX_FLAGS}
                   -DGENERATOR=${CMAKE_GENERATOR}
                   -DTOOLCHAIN=${CMAKE_TOOLCHAIN_FILE}
                   "-DEMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}"
                   -DREADME=${PROJECT_SOURCE_DIR}/README.md
                   -DPKG_CONFIG=${LAMELLA_PKG_CONFIG}
                   "-DBACKENDS=${lamella_backends}"
                   -P ${CMAKE_CURRENT_LIST_DIR}/run.cmake)
endforeach()

# Builds the library a second time, so it is one of the slow ones; and the same for every preset, so
# only the plain ones run it.
if(NOT CMAKE_CROSSCOMPILING AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  add_test(NAME consumer.minimal
           COMMAND ${CMAKE_COMMAND}
                   -DSOURCE_DIR=${PROJECT_SOURCE_DIR}
                   -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/consumer/minimal
                   -DCXX=${CMAKE_CXX_COMPILER}
                   -DCXX_FLAGS=${CMAKE_CXX_FLAGS}
                   -DGENERATOR=${CMAKE_GENERATOR}
                   -DREADELF=${CMAKE_READELF}
                   -P ${CMAKE_CURRENT_LIST_DIR}/minimal.cmake)
  set_tests_properties(consumer.minimal PROPERTIES LABELS slow PROCESSORS 2 TIMEOUT 1800)
endif()
