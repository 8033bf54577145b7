# cmake --install: headers, the library, a CMake package and a pkg-config file.
#
# Components, for packages: runtime and cblas (shared libraries), tool, and dev, which is all the
# rest.
#
# Both descriptions name what a static archive leaves for its user to link, and are relocatable: the
# prefix is wherever the files are found.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

get_target_property(lamella_type lamella TYPE)
if(lamella_type STREQUAL "STATIC_LIBRARY")
  set(LAMELLA_IS_STATIC ON)
else()
  set(LAMELLA_IS_STATIC OFF)
endif()

install(TARGETS lamella EXPORT lamellaTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(LAMELLA_WITH_CBLAS)
  install(TARGETS lamella_cblas EXPORT lamella-cblasTargets
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT cblas NAMELINK_COMPONENT dev
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lamella DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT dev FILES_MATCHING PATTERN "*.h")

# CMake package.
set(lamella_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lamella)
install(EXPORT lamellaTargets NAMESPACE lamella:: DESTINATION ${lamella_package_dir} COMPONENT dev)
if(LAMELLA_WITH_CBLAS)
  install(EXPORT lamella-cblasTargets NAMESPACE lamella:: DESTINATION ${lamella_package_dir}
          COMPONENT dev)
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/lamellaConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/lamellaConfig.cmake
                              INSTALL_DESTINATION ${lamella_package_dir})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lamellaConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lamellaConfig.cmake
              ${PROJECT_BINARY_DIR}/lamellaConfigVersion.cmake
        DESTINATION ${lamella_package_dir} COMPONENT dev)

# pkg-config. An archive's own dependencies are public at link time, a shared library's are not.
set(lamella_pc_dependencies -lz)
if(LAMELLA_WITH_TBB)
  list(APPEND lamella_pc_dependencies -ltbb)
endif()
if(LAMELLA_WITH_OPENMP)
  list(APPEND lamella_pc_dependencies -fopenmp)
endif()
if(LAMELLA_WITH_PLUGINS)
  list(APPEND lamella_pc_dependencies -ldl)
endif()
# The C++ library for programs in C, which their own compiler links.
list(APPEND lamella_pc_dependencies -lpthread -lstdc++ -lm)
list(JOIN lamella_pc_dependencies " " lamella_pc_dependencies)
if(LAMELLA_IS_STATIC)
  set(LAMELLA_PC_LIBS "-llamella ${lamella_pc_dependencies}")
  set(LAMELLA_PC_LIBS_PRIVATE "")
else()
  set(LAMELLA_PC_LIBS "-llamella")
  set(LAMELLA_PC_LIBS_PRIVATE "${lamella_pc_dependencies}")
endif()
file(RELATIVE_PATH LAMELLA_PC_TO_PREFIX
     /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" LAMELLA_PC_TO_PREFIX "${LAMELLA_PC_TO_PREFIX}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/lamella.pc.in ${PROJECT_BINARY_DIR}/lamella.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lamella.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT dev)
