# socketserver_test(NAME name SOURCES ... [LIBRARIES ...] [TIMEOUT seconds])
#
# A Boost.Test program, registered with CTest. `main` and the helpers come from test/support; a test of one layer may
# name that layer alone, otherwise it links the whole library.

set(
    _socketserver_test_environment
    "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1"
    "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1"
)

function(socketserver_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TIMEOUT" "SOURCES;LIBRARIES")
    if(NOT arg_LIBRARIES)
        set(arg_LIBRARIES socketserver::socketserver)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    set(target test_${arg_NAME})
    add_executable(${target} ${arg_SOURCES})
    socketserver_warnings(${target})
    target_link_libraries(${target} PRIVATE socketserver_test_support ${arg_LIBRARIES})
    add_test(NAME ${arg_NAME} COMMAND ${target})
    set_tests_properties(
        ${arg_NAME}
        PROPERTIES TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${_socketserver_test_environment}"
    )
endfunction()
