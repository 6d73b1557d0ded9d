# Tests that the library serves a project of somebody else (test/consumer), in each of the ways it may be used. What they
# make stays in the build tree, so that only the first run is slow.

set(_consumer_dir "${CMAKE_CURRENT_BINARY_DIR}/consumer")

add_test(
    NAME consumer_install
    COMMAND "${CMAKE_COMMAND}" --install "${PROJECT_BINARY_DIR}" --prefix "${_consumer_dir}/prefix"
)
set_tests_properties(consumer_install PROPERTIES FIXTURES_SETUP consumer_prefix)

function(socketserver_consumer_test way)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT;FIXTURE" "")
    add_test(
        NAME consumer_${way}
        COMMAND
            "${CMAKE_COMMAND}" -D WAY=${way}
            -D "SOURCE_DIR=${PROJECT_SOURCE_DIR}"
            -D "WORK_DIR=${_consumer_dir}"
            -D "LIBDIR=${CMAKE_INSTALL_LIBDIR}"
            -D "GENERATOR=${CMAKE_GENERATOR}"
            -D "CXX=${CMAKE_CXX_COMPILER}"
            -D "CXX_FLAGS=${CMAKE_CXX_FLAGS}"
            -P "${PROJECT_SOURCE_DIR}/test/consumer/run.cmake"
    )
    set_tests_properties(consumer_${way} PROPERTIES TIMEOUT ${arg_TIMEOUT} FIXTURES_REQUIRED "${arg_FIXTURE}")
endfunction()

socketserver_consumer_test(find_package FIXTURE consumer_prefix TIMEOUT 120)
socketserver_consumer_test(pkg_config FIXTURE consumer_prefix TIMEOUT 120)
socketserver_consumer_test(add_subdirectory TIMEOUT 600)
