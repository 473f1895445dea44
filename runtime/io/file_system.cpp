#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwaga/runtime/io/file_system.h>

#include <cstdio>

namespace uwaga {

int FileSystem::open(const char* path, int flags, mode_t mode) const { return ::open(path, flags, mode); }
ssize_t FileSystem::write(int descriptor, const void* bytes, std::size_t count) const {
  return ::write(descriptor, bytes, count);
}
int FileSystem::fsync(int descriptor) const { return ::fsync(descriptor); }
int FileSystem::close(int descriptor) const { return ::close(descriptor); }
int FileSystem::rename(const char* from, const char* to) const { return ::rename(from, to); }
int FileSystem::mkdir(const char* path, mode_t mode) const { return ::mkdir(path, mode); }

const FileSystem& real_files() {
  static const FileSystem files;
  return files;
}

}  // namespace uwaga
