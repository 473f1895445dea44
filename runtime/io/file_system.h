// The system calls that can fail while a file is written, behind virtual functions so that tests can make them fail.
//
// Every function behaves as its POSIX namesake: -1 and errno on failure. Code outside tests passes real_files().
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace uwaga {

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual int open(const char* path, int flags, mode_t mode) const;
  virtual ssize_t write(int descriptor, const void* bytes, std::size_t count) const;
  virtual int fsync(int descriptor) const;
  virtual int close(int descriptor) const;
  virtual int rename(const char* from, const char* to) const;
  virtual int mkdir(const char* path, mode_t mode) const;
};

// The machine's own file system.
const FileSystem& real_files();

}  // namespace uwaga
