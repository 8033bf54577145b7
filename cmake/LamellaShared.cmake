# liblamella.so (BUILD_SHARED_LIBS=ON): SONAME, and which symbols it shows.
#
# What is marked LAMELLA_API has default visibility and all else is hidden; but the C++ library's
# headers ask for default visibility themselves, so that instances of its templates would show. The
# version script keeps them in. Its version node lets a program that ends up with two releases of
# lamella, by way of other libraries, find its own symbols in each.
set_target_properties(lamella PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${lamella_abi})
set(lamella_version_script ${PROJECT_BINARY_DIR}/lamella.map)
configure_file(${CMAKE_CURRENT_LIST_DIR}/lamella.map.in ${lamella_version_script} @ONLY)
# It stays in memory after dlclose(): threads that its backends have started run in it.
target_link_options(lamella PRIVATE LINKER:--version-script=${lamella_version_script}
                                    LINKER:-z,nodelete)
set_target_properties(lamella PROPERTIES LINK_DEPENDS ${lamella_version_script})
