# socketserver_warnings(TARGET): the developers' warnings, for the project's own code only; never exported.

set(
    _socketserver_warnings
    -Wall
    -Wextra
    -Wpedantic
    -Wcast-align
    -Wconversion
    -Wdouble-promotion
    -Wextra-semi
    -Wformat=2
    -Wimplicit-fallthrough
    -Wold-style-cast
    -Woverloaded-virtual
    -Wshadow
    -Wsign-conversion
    -Wundef
    -Wunused
)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND _socketserver_warnings -Wduplicated-branches -Wduplicated-cond)
    if(CMAKE_UNITY_BUILD)
        # A unity build includes sources, whose unnamed namespaces it takes for a header's.
        list(APPEND _socketserver_warnings -Wno-subobject-linkage)
    endif()
    if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
        # With optimisation it takes the short form of a std::string for the whole of it (GCC's bugs 105329 and 105651).
        list(APPEND _socketserver_warnings -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow)
    endif()
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # g++ also warns of protected destructors, if the class has a friend.
    list(APPEND _socketserver_warnings -Wnon-virtual-dtor -Wthread-safety)
endif()

# socketserver_uses_asio_context(TARGET): boost::asio::io_context has fences, of which g++ says that ThreadSanitizer does not
# see them. Nobody runs the contexts here.
function(socketserver_uses_asio_context target)
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endfunction()

function(socketserver_warnings target)
    target_compile_options(${target} PRIVATE ${_socketserver_warnings} $<$<BOOL:${SOCKETSERVER_WERROR}>:-Werror>)
endfunction()
