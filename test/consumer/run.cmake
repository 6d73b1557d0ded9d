# Builds the consumer in one WAY (find_package, add_subdirectory, pkg_config) and runs it.

set(build_dir "${WORK_DIR}/${WAY}")
set(prefix "${WORK_DIR}/prefix")

function(run)
    execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(build_with_cmake)
    run(
        "${CMAKE_COMMAND}" -G "${GENERATOR}" -S "${CMAKE_CURRENT_LIST_DIR}" -B "${build_dir}"
        -D "CMAKE_CXX_COMPILER=${CXX}" -D "CMAKE_CXX_FLAGS=${CXX_FLAGS}" -D CMAKE_UNITY_BUILD=ON ${ARGV}
    )
    run("${CMAKE_COMMAND}" --build "${build_dir}" --target consumer --parallel 2)
endfunction()

if(WAY STREQUAL "find_package")
    build_with_cmake(-D "CMAKE_PREFIX_PATH=${prefix}")
elseif(WAY STREQUAL "add_subdirectory")
    build_with_cmake(-D "SOCKETSERVER_SOURCE_DIR=${SOURCE_DIR}")
elseif(WAY STREQUAL "pkg_config")
    set(ENV{PKG_CONFIG_PATH} "${prefix}/${LIBDIR}/pkgconfig")
    set(ENV{LD_LIBRARY_PATH} "${prefix}/${LIBDIR}")
    execute_process(
        COMMAND pkg-config --cflags --libs socketserver
        OUTPUT_VARIABLE flags
        OUTPUT_STRIP_TRAILING_WHITESPACE
        COMMAND_ERROR_IS_FATAL ANY
    )
    separate_arguments(flags UNIX_COMMAND "${CXX_FLAGS} ${flags}")
    file(MAKE_DIRECTORY "${build_dir}")
    run("${CXX}" -std=c++20 -o "${build_dir}/consumer" "${CMAKE_CURRENT_LIST_DIR}/main.cpp" ${flags})
else()
    message(FATAL_ERROR "no such way to use the library: '${WAY}'")
endif()

run("${build_dir}/consumer")
