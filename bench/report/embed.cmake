# Makes the page of the report, without its results, and a C++ source that holds it.
#
#   cmake -D FOLDER=<bench/report> -D PAGE=<page.html> -D SOURCE=<page.cpp> -P embed.cmake

# What an integrity attribute and a Content-Security-Policy call the SHA-256 of a text: in base64 (RFC 4648).
function(policy_hash text result)
    set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    string(SHA256 hex "${text}")
    # 32 bytes are ten groups of three and one of two, which 0 fills up: its last sign becomes the padding.
    string(REGEX MATCHALL "......" groups "${hex}00")
    set(base64 "")
    foreach(group IN LISTS groups)
        foreach(shift 18 12 6 0)
            math(EXPR sign "(0x${group} >> ${shift}) & 63")
            string(SUBSTRING "${alphabet}" ${sign} 1 sign)
            string(APPEND base64 "${sign}")
        endforeach()
    endforeach()
    string(REGEX REPLACE "A$" "=" base64 "${base64}")
    set(${result} "sha256-${base64}" PARENT_SCOPE)
endfunction()

file(READ "${FOLDER}/uplot/uPlot.iife.min.js" script)
string(APPEND script "\n(() => {\n'use strict';\n\n")
foreach(part format elements results scales marks plots figures page)
    file(READ "${FOLDER}/page/${part}.js" text)
    string(APPEND script "${text}\n")
endforeach()
string(APPEND script "})();\n")
file(READ "${FOLDER}/uplot/uPlot.min.css" style)
file(READ "${FOLDER}/page/style.css" text)
string(APPEND style "\n${text}")
file(READ "${FOLDER}/uplot/LICENSE" licence)
string(REPLACE "&" "&amp;" licence "${licence}")
string(REPLACE "<" "&lt;" licence "${licence}")
policy_hash("${script}" script_hash)
policy_hash("${style}" style_hash)

file(READ "${FOLDER}/page/page.html" page)
foreach(name script_hash style_hash licence style script)
    string(REPLACE "@${name}@" "${${name}}" page "${page}")
endforeach()
file(WRITE "${PAGE}" "${page}")

file(READ "${PAGE}" bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(
    WRITE "${SOURCE}"
    "// Made by embed.cmake.\n"
    "#include \"page.hpp\"\n\n"
    "namespace {\n\n"
    "constexpr unsigned char bytes[] = {\n${bytes}};\n\n"
    "}  // namespace\n\n"
    "namespace socketserver::bench::detail {\n\n"
    "std::string_view page() {\n"
    "    return {reinterpret_cast<const char*>(bytes), sizeof bytes};\n"
    "}\n\n"
    "}  // namespace socketserver::bench::detail\n"
)
