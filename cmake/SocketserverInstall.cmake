# What `cmake --install` puts in place: headers, archives, a CMake package and pkg-config files. Nothing in it names
# the prefix, so an installed tree may be moved.

include(CMakePackageConfigHelpers)

set(_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/socketserver")

install(
    TARGETS socketserver_lib socketserver_servers socketserver_handlers socketserver
    EXPORT socketserver
    FILE_SET HEADERS
)
install(EXPORT socketserver NAMESPACE socketserver:: DESTINATION "${_package_dir}" FILE socketserver-targets.cmake)

if(TARGET socketserver_run_server)
    install(TARGETS socketserver_run_server EXPORT socketserver_run_server FILE_SET HEADERS)
    install(
        EXPORT socketserver_run_server
        NAMESPACE socketserver::
        DESTINATION "${_package_dir}"
        FILE socketserver-run_server-targets.cmake
    )
endif()

if(TARGET socketserver_bench)
    install(
        TARGETS socketserver_bench socketserver_bench_main socketserver_bench_report
        EXPORT socketserver_bench
        FILE_SET HEADERS
    )
    install(TARGETS socketserver-bench)
    if(TARGET installed_man_pages)
        install(FILES "${PROJECT_BINARY_DIR}/man/man1/socketserver-bench.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
    endif()
    install(
        EXPORT socketserver_bench
        NAMESPACE socketserver::
        DESTINATION "${_package_dir}"
        FILE socketserver-bench-targets.cmake
    )
endif()

configure_package_config_file(
    "${CMAKE_CURRENT_LIST_DIR}/socketserver-config.cmake.in"
    "${PROJECT_BINARY_DIR}/socketserver-config.cmake"
    INSTALL_DESTINATION "${_package_dir}"
    NO_SET_AND_CHECK_MACRO
)
write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/socketserver-config-version.cmake"
    COMPATIBILITY SameMinorVersion
)
install(
    FILES
        "${PROJECT_BINARY_DIR}/socketserver-config.cmake"
        "${PROJECT_BINARY_DIR}/socketserver-config-version.cmake"
    DESTINATION "${_package_dir}"
)

# An archive's dependencies follow it, so the layers that were made last come first.
get_property(_layers GLOBAL PROPERTY SOCKETSERVER_LAYERS)
list(REMOVE_ITEM _layers socketserver_bench socketserver_run_server)
list(REVERSE _layers)
list(TRANSFORM _layers PREPEND "-l")
list(JOIN _layers " " SOCKETSERVER_PC_LIBS)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE _libdir)
cmake_path(
    RELATIVE_PATH CMAKE_INSTALL_PREFIX
    BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig"
    OUTPUT_VARIABLE SOCKETSERVER_PC_PREFIX
)
set(_pc_files socketserver)
if(TARGET socketserver_run_server)
    list(APPEND _pc_files socketserver-run_server)
endif()
foreach(_name IN LISTS _pc_files)
    configure_file("${CMAKE_CURRENT_LIST_DIR}/${_name}.pc.in" "${PROJECT_BINARY_DIR}/${_name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/${_name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
