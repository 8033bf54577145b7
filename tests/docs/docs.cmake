# Tests of the documentation: its code blocks run, and Doxygen finds nothing to complain about.
add_test(NAME docs.selftest
         COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_LIST_DIR}/selftest.py)

# The indices of pages are complete, and what is not run has a reason that holds.
add_test(NAME docs.pages
         COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_LIST_DIR}/pages.py ${PROJECT_SOURCE_DIR}
                 --ctest ${CMAKE_CTEST_COMMAND} ${lamella_build_of_names})

# The figure of the architecture is what the sources say.
add_test(NAME docs.architecture
         COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/docs/design/draw_architecture.py
                 --check)

# Any warning is an error (WARN_AS_ERROR in docs/Doxyfile.in), a link to no page among them.
if(LAMELLA_DOXYGEN)
  add_test(NAME docs.doxygen COMMAND ${LAMELLA_DOXYGEN} ${PROJECT_BINARY_DIR}/docs/Doxyfile)
  add_test(NAME docs.doxygen_links
           COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_LIST_DIR}/html_links.py
                   ${PROJECT_BINARY_DIR}/docs/reference/html)
  set_tests_properties(docs.doxygen PROPERTIES FIXTURES_SETUP lamella_reference)
  set_tests_properties(docs.doxygen_links PROPERTIES FIXTURES_REQUIRED lamella_reference)
else()
  add_test(NAME docs.doxygen COMMAND ${CMAKE_COMMAND} -E echo "skipped: no doxygen")
  set_tests_properties(docs.doxygen PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
endif()

# What pages tell readers to do, done with a plain build.
if(CMAKE_CROSSCOMPILING OR CMAKE_CXX_FLAGS MATCHES "-fsanitize" OR BUILD_SHARED_LIBS
   OR NOT LAMELLA_WITH_TOOLS)
  return()
endif()
file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/*.md ${PROJECT_SOURCE_DIR}/docs/*.md
     ${PROJECT_SOURCE_DIR}/docs/*/*.md)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${pages})
foreach(page IN LISTS pages)
  # The marks of pages with nothing to run are read by docs.pages.
  file(STRINGS ${page} runs REGEX "^<!-- (run|fails: [0-9]+) -->$")
  if(NOT runs)
    continue()
  endif()
  # docs/cblas.md is docs.cblas, docs/performance/README.md docs.performance, its log
  # docs.performance.log, docs/README.md docs.index.
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${page})
  string(REGEX REPLACE "^docs/README\\.md$" "index" name ${name})
  string(REGEX REPLACE "^docs/|/README\\.md$|\\.md$" "" name ${name})
  string(REPLACE "/" "." name ${name})
  set(start --source ${PROJECT_SOURCE_DIR})
  if(name MATCHES "^(plugins|backends)$" AND NOT (LAMELLA_WITH_PLUGINS AND LAMELLA_WITH_OPENMP))
    continue()
  endif()
  if(name MATCHES "^(plugins|backends|reference)$")
    # These begin with an installed lamella, the others with a checkout.
    set(start --cmake ${CMAKE_COMMAND} --config $<CONFIG>)
  endif()
  add_test(NAME docs.${name}
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/run_blocks.py
                   --build ${PROJECT_BINARY_DIR} ${start} ${page})
  set_tests_properties(docs.${name} PROPERTIES LABELS docs TIMEOUT 1200
                                               ENVIRONMENT CXX=${CMAKE_CXX_COMPILER})
endforeach()
