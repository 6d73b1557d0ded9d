# The kinds of target the project has: a layer, a program, a test.

include(SocketserverWarnings)

# The layers that are archives, in the order they were made: pkg-config must be told of the link order.
define_property(GLOBAL PROPERTY SOCKETSERVER_LAYERS)

# socketserver_layer(NAME SOURCES ... HEADERS ... LIBRARIES ...)
#
# The library socketserver_NAME, alias socketserver::NAME. Its include root is the calling folder; HEADERS are all
# public (headers in detail/ too, since templates include them). A layer without sources is an interface library.
# LIBRARIES are passed on to whoever links it. Its sources may use SOCKETSERVER_VERSION.
function(socketserver_layer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;LIBRARIES")
    set(target socketserver_${name})
    if(arg_SOURCES)
        set(scope PUBLIC)
        add_library(${target} ${arg_SOURCES})
        socketserver_warnings(${target})
        socketserver_use_precompiled_headers(${target} standard)
        target_compile_definitions(${target} PRIVATE SOCKETSERVER_VERSION="${PROJECT_VERSION}")
        set_target_properties(${target} PROPERTIES SOVERSION ${PROJECT_VERSION})
        set_property(GLOBAL APPEND PROPERTY SOCKETSERVER_LAYERS ${target})
    else()
        set(scope INTERFACE)
        add_library(${target} INTERFACE)
    endif()
    add_library(socketserver::${name} ALIAS ${target})
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
    target_compile_features(${target} ${scope} cxx_std_20)
    target_sources(
        ${target} ${scope}
        FILE_SET HEADERS BASE_DIRS "${CMAKE_CURRENT_SOURCE_DIR}" FILES ${arg_HEADERS}
    )
    target_link_libraries(${target} ${scope} ${arg_LIBRARIES})
endfunction()

# socketserver_static_runtime(TARGET)
#
# Links a program with the C++ library's archives, if the build is to. A fork copies each mapping of each shared object, and
# the child touches pages of all of them anew.
function(socketserver_static_runtime target)
    if(SOCKETSERVER_STATIC_RUNTIME)
        target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)
    endif()
endfunction()

# socketserver_program(NAME SOURCES ... [LIBRARIES ...])
#
# A demo program, in the build tree's bin/. Its sources may use SOCKETSERVER_VERSION.
function(socketserver_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
    add_executable(${name} ${arg_SOURCES})
    socketserver_warnings(${name})
    socketserver_use_precompiled_headers(${name} standard)
    target_compile_definitions(${name} PRIVATE SOCKETSERVER_VERSION="${PROJECT_VERSION}")
    target_link_libraries(${name} PRIVATE socketserver::socketserver ${arg_LIBRARIES})
    socketserver_static_runtime(${name})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
endfunction()
