# Run by the build: cmake -DSOURCES="a;b" -DRESULT=build_id.cpp -P UwagaBuildId.cmake. The name of the folder does not enter.
cmake_minimum_required(VERSION 3.25)
set(all "")
foreach(file ${SOURCES})
  file(SHA256 ${file} hash)
  string(APPEND all ${hash})
endforeach()
string(SHA256 id "${all}")
string(SUBSTRING ${id} 0 32 id)
file(CONFIGURE OUTPUT ${RESULT} @ONLY CONTENT
"// Made by cmake/UwagaBuildId.cmake.
#include <uwaga/codegen/llvm/internal/build_id.h>
namespace uwaga {
const char* const kEmitterBuildId = \"@id@\";
}
")
