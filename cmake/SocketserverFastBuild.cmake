# This makes the project's own build quick: ccache and lld where they are installed, and precompiled headers. As a
# subproject it leaves all three to the project around it.
#
# Only headers that nobody here edits are precompiled, so no change of ours compiles them again. Each of our headers must
# still include what it uses: `all_verify_interface_header_sets` compiles each alone, without precompiled headers.
#
#   -D CMAKE_DISABLE_PRECOMPILE_HEADERS=ON   compiles without them
#   -D CMAKE_UNITY_BUILD=ON                  compiles several sources at a time: quicker where nobody edits
#   -D SOCKETSERVER_CCACHE=OFF               compiles without ccache
#   -D SOCKETSERVER_LLD=OFF                  links by the default linker

include(SocketserverWarnings)

if(PROJECT_IS_TOP_LEVEL)
    option(SOCKETSERVER_CCACHE "Compile through ccache, if it is installed" ON)
    option(SOCKETSERVER_LLD "Link by lld, if it is installed" ON)
endif()

find_program(SOCKETSERVER_CCACHE_PROGRAM ccache)
mark_as_advanced(SOCKETSERVER_CCACHE_PROGRAM)
if(SOCKETSERVER_CCACHE AND SOCKETSERVER_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Depend mode runs no preprocessor of its own; the sloppiness is what ccache asks for with precompiled headers.
    set(
        CMAKE_CXX_COMPILER_LAUNCHER
        "${CMAKE_COMMAND}" -E env CCACHE_DEPEND=1 "CCACHE_SLOPPINESS=pch_defines,time_macros"
        "${SOCKETSERVER_CCACHE_PROGRAM}"
    )
endif()

find_program(SOCKETSERVER_LLD_PROGRAM ld.lld)
mark_as_advanced(SOCKETSERVER_LLD_PROGRAM)
if(SOCKETSERVER_LLD AND SOCKETSERVER_LLD_PROGRAM)
    add_link_options(-fuse-ld=lld)
endif()

set(
    _socketserver_standard_headers
    <algorithm>
    <array>
    <atomic>
    <charconv>
    <chrono>
    <condition_variable>
    <deque>
    <filesystem>
    <fstream>
    <functional>
    <future>
    <iostream>
    <list>
    <map>
    <memory>
    <mutex>
    <optional>
    <set>
    <span>
    <sstream>
    <string>
    <thread>
    <variant>
    <vector>
    <boost/system/system_error.hpp>
    <netinet/in.h>
    <sys/socket.h>
    <sys/wait.h>
    <unistd.h>
)

# socketserver_precompiled_headers(NAME LIBRARIES ... [HEADERS ...])
#
# Precompiles the standard library's headers and HEADERS as socketserver_precompiled_NAME.
function(_socketserver_precompiled_headers name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;LIBRARIES")
    set(target socketserver_precompiled_${name})
    set(source "${PROJECT_BINARY_DIR}/CMakeFiles/${target}.cpp")
    file(CONFIGURE OUTPUT "${source}" CONTENT "// What precompiled headers are compiled for.\n")
    add_library(${target} OBJECT EXCLUDE_FROM_ALL "${source}")
    target_compile_features(${target} PRIVATE cxx_std_20)
    target_link_libraries(${target} PRIVATE ${arg_LIBRARIES})
    socketserver_warnings(${target})  # -Wpedantic changes what g++ predefines
    target_precompile_headers(${target} PRIVATE ${arg_HEADERS} ${_socketserver_standard_headers})
endfunction()

if(PROJECT_IS_TOP_LEVEL)
    _socketserver_precompiled_headers(standard LIBRARIES Boost::headers Threads::Threads)
    if(SOCKETSERVER_BUILD_TESTS)
        _socketserver_precompiled_headers(
            test
            LIBRARIES Boost::headers Boost::unit_test_framework Threads::Threads
            HEADERS <boost/test/unit_test.hpp>
        )
        target_compile_definitions(socketserver_precompiled_test PRIVATE BOOST_TEST_DYN_LINK)
    endif()
endif()

# socketserver_use_precompiled_headers(TARGET NAME): NAME is standard or test.
function(socketserver_use_precompiled_headers target name)
    if(TARGET socketserver_precompiled_${name})
        target_precompile_headers(${target} REUSE_FROM socketserver_precompiled_${name})
    endif()
endfunction()
