// A hash of the sources that decide what a kernel compiles to, taken when the library is built
// (cmake/UwagaBuildId.cmake).
#pragma once

namespace uwaga {

extern const char* const kEmitterBuildId;

}  // namespace uwaga
