# Tests of the source tree and the objects, in Python; selftest.py shows that each can fail.
add_test(NAME structure.include_directions
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/include_directions.py
                 ${PROJECT_SOURCE_DIR})

# Only optimised, uninstrumented objects are what users link: without inlining every xsimd function
# is a weak symbol.
if(CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$"
   AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/lamella_objects.txt
       CONTENT "$<JOIN:$<TARGET_OBJECTS:lamella>,\n>\n")
  file(GLOB isa_units CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
       ${PROJECT_SOURCE_DIR}/backends/simd/*.cpp ${PROJECT_SOURCE_DIR}/backends/scalar/*.cpp)
  add_test(NAME structure.isa_symbols
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/isa_symbols.py --nm ${CMAKE_NM}
                   --objects ${CMAKE_CURRENT_BINARY_DIR}/lamella_objects.txt ${isa_units})
endif()

add_test(NAME structure.selftest
         COMMAND ${CMAKE_COMMAND} -E env CXX=${CMAKE_CXX_COMPILER} NM=${CMAKE_NM}
                 $<TARGET_FILE:Python3::Interpreter> ${CMAKE_CURRENT_LIST_DIR}/selftest.py)
