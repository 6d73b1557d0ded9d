# The packages the build needs. What is missing is reported in one message that names the Debian packages.

set(SOCKETSERVER_BOOST_VERSION 1.74)

function(_socketserver_find_boost component package)
    find_package(boost_${component} ${SOCKETSERVER_BOOST_VERSION} CONFIG QUIET)
    if(NOT boost_${component}_FOUND)
        set(_missing_packages ${_missing_packages} ${package} PARENT_SCOPE)
    endif()
endfunction()

# The tests keep the shared one, whose main() differs.
set(Boost_USE_STATIC_LIBS ${SOCKETSERVER_STATIC_RUNTIME})
set(_missing_packages)
_socketserver_find_boost(headers libboost-dev)
_socketserver_find_boost(context libboost-context-dev)
_socketserver_find_boost(thread libboost-thread-dev)
_socketserver_find_boost(chrono libboost-thread-dev)
if(SOCKETSERVER_PROGRAMS)
    _socketserver_find_boost(program_options libboost-program-options-dev)
endif()
if(SOCKETSERVER_BUILD_TESTS)
    set(Boost_USE_STATIC_LIBS OFF)
    _socketserver_find_boost(unit_test_framework libboost-test-dev)
endif()
if(SOCKETSERVER_BUILD_BENCH_TOOL)
    find_package(nlohmann_json 3.10 CONFIG QUIET)
    if(NOT nlohmann_json_FOUND)
        list(APPEND _missing_packages nlohmann-json3-dev)
    endif()
endif()

if(_missing_packages)
    list(REMOVE_DUPLICATES _missing_packages)
    list(JOIN _missing_packages " " _missing_packages)
    message(
        FATAL_ERROR
        "socketserver needs Boost ${SOCKETSERVER_BOOST_VERSION} or newer, and its benchmark nlohmann-json 3.10. "
        "On Debian and Ubuntu:\n"
        "  apt-get install ${_missing_packages}\n"
        "Installed elsewhere: -D CMAKE_PREFIX_PATH=<its prefix>. Without the programs, the tests or the benchmark: "
        "-D SOCKETSERVER_PROGRAMS=OFF, -D SOCKETSERVER_BUILD_TESTS=OFF, -D SOCKETSERVER_BUILD_BENCH_TOOL=OFF."
    )
endif()

# The packages above answered, so this only defines the targets Boost::headers, Boost::thread, ...
set(_components headers chrono context thread)
if(SOCKETSERVER_PROGRAMS)
    list(APPEND _components program_options)
endif()
if(SOCKETSERVER_BUILD_TESTS)
    list(APPEND _components unit_test_framework)
endif()
find_package(Boost ${SOCKETSERVER_BOOST_VERSION} CONFIG REQUIRED COMPONENTS ${_components})

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
