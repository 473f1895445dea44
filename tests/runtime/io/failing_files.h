// A file system that fails where a test wants it to.
#pragma once

#include <uwaga/runtime/io/file_system.h>

#include <cerrno>
#include <string>

// Fails the n-th call (from 0) of the named function with `number`, and all after it while `sticky`.
class FailingFiles : public uwaga::FileSystem {
 public:
  FailingFiles(std::string function, int nth, int number, bool sticky = false)
      : function_(std::move(function)), left_(nth), number_(number), sticky_(sticky) {}

  int open(const char* path, int flags, mode_t mode) const override {
    return fails("open") ? -1 : FileSystem::open(path, flags, mode);
  }
  ssize_t write(int descriptor, const void* bytes, std::size_t count) const override {
    if (fails("write")) return -1;
    // A short write first: the rest must follow.
    return FileSystem::write(descriptor, bytes, count > 3 ? count / 2 : count);
  }
  int fsync(int descriptor) const override { return fails("fsync") ? -1 : FileSystem::fsync(descriptor); }
  int rename(const char* from, const char* to) const override {
    return fails("rename") ? -1 : FileSystem::rename(from, to);
  }
  int mkdir(const char* path, mode_t mode) const override {
    return fails("mkdir") ? -1 : FileSystem::mkdir(path, mode);
  }

  bool failed() const { return failed_; }

 private:
  bool fails(const char* function) const {
    if (function_ != function || left_ < 0) return false;
    if (left_ > 0) return --left_, false;
    if (!sticky_) left_ = -1;
    errno = number_;
    return failed_ = true;
  }

  std::string function_;
  mutable int left_;
  int number_;
  bool sticky_;
  mutable bool failed_ = false;
};
