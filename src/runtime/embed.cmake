# Turn files into one C source that defines embedded_files[] (src/runtime/embedded.h).
#
# A script that has a line "-- HEAD ..." gets SCRIPT_HEAD in front. As they are embedded, all scripts are also written beside OUTPUT, under their
# names, where tests find them. Those of PAGE_FILES are embedded twice: plain, and under their name with .gz, compressed. Of what is text among
# them, comments, indentation and empty lines stay at home: tests/web/served.test.js compares, token by token.
#
#   cmake -DROOT=<source tree> "-DSCRIPTS=lua/a.lua;lua/b.lua" -DSCRIPT_HEAD=lua/head.lua "-DPAGE_FILES=src/web/index.html" -DGZIP=<program>
#         -DOUTPUT=<file.c> -P src/runtime/embed.cmake
set(arrays "")
set(rows "")
set(index 0)

function(embed name path)
    file(READ "${path}" hex HEX)
    file(SHA256 "${path}" hash)
    string(SUBSTRING "${hash}" 0 32 hash)
    string(LENGTH "${hex}" digits)
    math(EXPR length "${digits} / 2")
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
    set(arrays "${arrays}static const unsigned char file_${index}[] = {\n${bytes}0x00};\n" PARENT_SCOPE)
    set(rows "${rows}    { \"${name}\", \"${hash}\", file_${index}, ${length} },\n" PARENT_SCOPE)
    math(EXPR index "${index} + 1")
    set(index ${index} PARENT_SCOPE)
endfunction()

get_filename_component(directory "${OUTPUT}" DIRECTORY)
file(READ "${ROOT}/${SCRIPT_HEAD}" head)
foreach(name IN LISTS SCRIPTS)
    file(READ "${ROOT}/${name}" text)
    if(text MATCHES "\n-- HEAD ")
        set(text "${head}${text}")
    endif()
    file(WRITE "${directory}/${name}" "${text}")
    embed("${name}" "${directory}/${name}")
endforeach()

# What visitors get of it. No line of a source may begin within a string, and no string hold what looks like a comment after a statement.
function(bare path text)
    set(text "\n${text}")
    if(path MATCHES "\\.js$")
        string(REGEX REPLACE "\n *//[^\n]*" "" text "${text}")
        string(REGEX REPLACE "([;,{}()]) +// [^\n]*" "\\1" text "${text}")
    endif()
    if(path MATCHES "\\.(js|css)$")
        string(REGEX REPLACE "\n */\\*([^*]|\\*+[^*/])*\\*+/" "\n" text "${text}")
    endif()
    string(REGEX REPLACE "\n[ \n]+" "\n" text "${text}")
    string(SUBSTRING "${text}" 1 -1 text)
    file(WRITE "${path}" "${text}")
endfunction()

foreach(name IN LISTS PAGE_FILES)
    set(path "${directory}/${name}")
    if(name MATCHES "\\.png$")
        file(COPY_FILE "${ROOT}/${name}" "${path}")
    else()
        file(READ "${ROOT}/${name}" text)
        bare("${path}" "${text}")
    endif()
    embed("${name}" "${path}")
endforeach()
foreach(name IN LISTS PAGE_FILES)
    # -n: no name and no time in it, so that the same file always gives the same bytes.
    execute_process(COMMAND "${GZIP}" -9nc "${directory}/${name}" OUTPUT_FILE "${OUTPUT}.gz" COMMAND_ERROR_IS_FATAL ANY)
    embed("${name}.gz" "${OUTPUT}.gz")
endforeach()
file(WRITE "${OUTPUT}" "#include \"runtime/embedded.h\"\n\n${arrays}\nconst struct embedded_file embedded_files[] = {\n${rows}    { 0, 0, 0, 0 },\n};\n")
