# Compiles wrong_handler.cpp with a fault and looks for a message. Needs SOURCE, CXX, INCLUDES, FAULT and MESSAGE; without
# MESSAGE it must compile.

list(TRANSFORM INCLUDES PREPEND -I)
execute_process(
    COMMAND "${CXX}" -std=c++20 -fsyntax-only ${INCLUDES} -D${FAULT} "${SOURCE}"
    RESULT_VARIABLE status
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output
)
if(NOT MESSAGE)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "a right handler does not compile:\n${output}")
    endif()
    return()
endif()
if(status EQUAL 0)
    message(FATAL_ERROR "a wrong handler compiles")
endif()
string(FIND "${output}" "${MESSAGE}" found)
if(found EQUAL -1)
    message(FATAL_ERROR "the message \"${MESSAGE}\" is not among these:\n${output}")
endif()
