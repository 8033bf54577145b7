# cmake --install: headers, the library, a CMake package and pkg-config files.
#
# Components, for packages: lamella_runtime and lamella_cblas (shared libraries), lamella_tool,
# lamella_license, and lamella_dev, which is all the rest.
#
# The descriptions name what a static archive leaves for its user to link, and are relocatable: the
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
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT lamella_dev
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT lamella_runtime
                NAMELINK_COMPONENT lamella_dev
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET lamella_archive)
  install(TARGETS lamella_archive
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT lamella_dev)
endif()
if(LAMELLA_WITH_CBLAS)
  install(TARGETS lamella_cblas EXPORT lamella-cblasTargets
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT lamella_cblas
                  NAMELINK_COMPONENT lamella_dev
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lamella DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT lamella_dev FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
        DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/lamella COMPONENT lamella_license)

# CMake package.
set(lamella_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lamella)
install(EXPORT lamellaTargets NAMESPACE lamella:: DESTINATION ${lamella_package_dir}
        COMPONENT lamella_dev)
if(LAMELLA_WITH_CBLAS)
  install(EXPORT lamella-cblasTargets NAMESPACE lamella:: DESTINATION ${lamella_package_dir}
          COMPONENT lamella_dev)
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/lamellaConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/lamellaConfig.cmake
                              INSTALL_DESTINATION ${lamella_package_dir})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lamellaConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lamellaConfig.cmake
              ${PROJECT_BINARY_DIR}/lamellaConfigVersion.cmake
        DESTINATION ${lamella_package_dir} COMPONENT lamella_dev)

# pkg-config. Of an archive, its own dependencies are part of Libs. Of a shared library they are
# private: --static adds them, for programs that link the archive that is installed beside it.
set(lamella_pc_dependencies -lz)
if(LAMELLA_WITH_TBB)
  list(APPEND lamella_pc_dependencies -ltbb)
endif()
if(LAMELLA_WITH_OPENMP)
  list(APPEND lamella_pc_dependencies ${lamella_openmp_runtime})
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

# lamella_pc(<name>): lamella.pc or lamella-cblas.pc.
function(lamella_pc name)
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${name}.pc.in
                 ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT lamella_dev)
endfunction()
lamella_pc(lamella)
if(LAMELLA_WITH_CBLAS)
  lamella_pc(lamella-cblas)
endif()
