set(
    _socketserver_test_environment
    "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1"
    "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1"
)

# All tests with threads, forks or fibers: what is built and run under ThreadSanitizer, `ctest -L concurrent`.
add_custom_target(concurrent_tests)

# socketserver_add_test(NAME TARGET [CONCURRENT] [TIMEOUT seconds]): registers a program that exists.
function(socketserver_add_test name target)
    cmake_parse_arguments(PARSE_ARGV 2 arg "CONCURRENT" "TIMEOUT" "")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    add_test(NAME ${name} COMMAND ${target})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${_socketserver_test_environment}")
    if(arg_CONCURRENT)
        set_property(TEST ${name} APPEND PROPERTY LABELS concurrent)
        add_dependencies(concurrent_tests ${target})
    endif()
endfunction()

# socketserver_test(NAME name [CONCURRENT] SOURCES ... [LIBRARIES ...] [TIMEOUT seconds])
#
# A Boost.Test program, registered with CTest. CONCURRENT: it has threads, forks or fibers, or runs servers that do.
# `main` and the helpers come from test/support; a test of one layer may name that layer alone, otherwise it links the
# whole library.
function(socketserver_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "CONCURRENT" "NAME;TIMEOUT" "SOURCES;LIBRARIES")
    if(NOT arg_LIBRARIES)
        set(arg_LIBRARIES socketserver::socketserver)
    endif()
    set(target test_${arg_NAME})
    add_executable(${target} ${arg_SOURCES})
    socketserver_warnings(${target})
    socketserver_use_precompiled_headers(${target} test)
    target_link_libraries(${target} PRIVATE socketserver_test_support ${arg_LIBRARIES})
    set(options TIMEOUT ${arg_TIMEOUT})
    if(arg_CONCURRENT)
        list(APPEND options CONCURRENT)
    endif()
    socketserver_add_test(${arg_NAME} ${target} ${options})
endfunction()
