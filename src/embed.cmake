# Turn files into one C source that defines embedded_files[] (src/redis/scripts.h).
#
#   cmake -DROOT=<source tree> -DFILES="lua/a.lua;lua/b.lua" -DOUTPUT=<file.c> -P src/embed.cmake
set(arrays "")
set(rows "")
set(index 0)
foreach(name IN LISTS FILES)
    file(READ "${ROOT}/${name}" hex HEX)
    string(LENGTH "${hex}" digits)
    math(EXPR length "${digits} / 2")
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
    string(APPEND arrays "static const unsigned char file_${index}[] = {\n${bytes}0x00};\n")
    string(APPEND rows "    { \"${name}\", file_${index}, ${length} },\n")
    math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}" "#include \"redis/scripts.h\"\n\n${arrays}\nconst struct embedded_file embedded_files[] = {\n${rows}    { 0, 0, 0 },\n};\n")
