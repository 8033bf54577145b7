# lintian finds no error in the Debian packages; what it only warns of is shown. Set by -D: LINTIAN,
# DEBS, the directory of the packages.
cmake_minimum_required(VERSION 3.20)
file(GLOB debs ${DEBS}/*.deb)
if(NOT debs)
  message(FATAL_ERROR "no packages in ${DEBS}")
endif()
execute_process(COMMAND ${LINTIAN} --allow-root --fail-on error --tag-display-limit 0 ${debs}
                RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "lintian: exit code ${code}")
endif()
