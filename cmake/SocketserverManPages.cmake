# The programs' manual pages, which they print themselves (--help=man), in man/man1 of the build tree: the target `man`
# makes all of them, and `man -M BUILD_TREE/man time_server` shows one. What is installed is the pages of the programs that are.

set(_man_dir "${PROJECT_BINARY_DIR}/man/man1")
set(_man_pages "")

# A program that was built for another machine can print nothing here.
if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
    foreach(
        _program IN ITEMS
        char_count_server
        chargen_server
        command_client
        command_server
        daytime_server
        discard_server
        echo_server
        fetch
        gopher_client
        gopher_server
        greeting_server
        http_server
        rfc_time_server
        socketserver-bench
        time_client
        time_protocol_server
        time_server
        upper_server
    )
        if(TARGET ${_program})
            add_custom_command(
                OUTPUT "${_man_dir}/${_program}.1"
                COMMAND "${CMAKE_COMMAND}" -E make_directory "${_man_dir}"
                COMMAND ${_program} --help=man > "${_man_dir}/${_program}.1"
                DEPENDS ${_program}
                COMMENT "Making the manual page of ${_program}"
                VERBATIM
            )
            list(APPEND _man_pages "${_man_dir}/${_program}.1")
        endif()
    endforeach()
    add_custom_target(man DEPENDS ${_man_pages})

    if(SOCKETSERVER_INSTALL AND TARGET socketserver-bench)
        # SocketserverInstall installs it.
        add_custom_target(installed_man_pages ALL DEPENDS "${_man_dir}/socketserver-bench.1")
    endif()
endif()
