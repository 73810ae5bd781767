#pragma once
// A file system for SQLite that fails when it is told to, over the usual one.

#include <sqlite3.h>

#include <new>

namespace analyzer::support {

struct FaultyVfs {
  static constexpr const char* kName = "faulty";
  // What a write answers instead of writing; SQLITE_OK writes.
  static inline int write_answer = SQLITE_OK;
  static inline int writes_until_then = 0;

  static void install() {
    static sqlite3_vfs vfs = [] {
      sqlite3_vfs made = *usual();
      made.zName = kName;
      made.pNext = nullptr;
      made.szOsFile = static_cast<int>(sizeof(File)) + usual()->szOsFile;
      made.xOpen = open;
      return made;
    }();
    sqlite3_vfs_register(&vfs, 0);
    write_answer = SQLITE_OK;
    writes_until_then = 0;
  }

 private:
  struct File : sqlite3_file {
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static sqlite3_vfs* usual() { return sqlite3_vfs_find("unix"); }
  static sqlite3_file* real(sqlite3_file* file) { return static_cast<File*>(file)->real(); }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    static const sqlite3_io_methods methods = [] {
      sqlite3_io_methods m{};
      m.iVersion = 1;
      m.xClose = [](sqlite3_file* f) { return real(f)->pMethods == nullptr ? SQLITE_OK : real(f)->pMethods->xClose(real(f)); };
      m.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) { return real(f)->pMethods->xRead(real(f), to, n, at); };
      m.xWrite = [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
        if (write_answer != SQLITE_OK && --writes_until_then < 0) return write_answer;
        return real(f)->pMethods->xWrite(real(f), from, n, at);
      };
      m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); };
      m.xSync = [](sqlite3_file* f, int how) { return real(f)->pMethods->xSync(real(f), how); };
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); };
      m.xLock = [](sqlite3_file* f, int how) { return real(f)->pMethods->xLock(real(f), how); };
      m.xUnlock = [](sqlite3_file* f, int how) { return real(f)->pMethods->xUnlock(real(f), how); };
      m.xCheckReservedLock = [](sqlite3_file* f, int* said) { return real(f)->pMethods->xCheckReservedLock(real(f), said); };
      m.xFileControl = [](sqlite3_file* f, int what, void* arg) { return real(f)->pMethods->xFileControl(real(f), what, arg); };
      m.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
      m.xDeviceCharacteristics = [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); };
      return m;
    }();
    auto* shim = new (file) File();
    const int code = usual()->xOpen(usual(), name, shim->real(), flags, out);
    shim->pMethods = shim->real()->pMethods != nullptr ? &methods : nullptr;
    return code;
  }
};

}  // namespace analyzer::support
