# Tests of the pages of docs/ whose blocks are all meant to be run; see run_blocks.py.
if(LAMELLA_WITH_TOOLS AND LAMELLA_WITH_PLUGINS AND LAMELLA_WITH_OPENMP AND NOT CMAKE_CROSSCOMPILING
   AND NOT BUILD_SHARED_LIBS AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  foreach(page plugins backends)
    add_test(NAME docs.${page}
             COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/run_blocks.py
                     ${PROJECT_SOURCE_DIR}/docs/${page}.md --cmake ${CMAKE_COMMAND}
                     --build ${PROJECT_BINARY_DIR} --config $<CONFIG>
                     --work ${CMAKE_CURRENT_BINARY_DIR}/docs/${page})
    set_tests_properties(docs.${page} PROPERTIES ENVIRONMENT CXX=${CMAKE_CXX_COMPILER})
  endforeach()
endif()
