# Debian 12's packages; scripts/setup.sh installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent_core libevent_pthreads)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.85)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(LDAP REQUIRED IMPORTED_TARGET ldap lber)
pkg_check_modules(PAM REQUIRED IMPORTED_TARGET pam)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)

# PostgreSQL's parser. From the archive where there is one: its names (palloc and thousands more) then stay inside of the
# binary, where libpq and others cannot take them for their own.
find_library(PG_QUERY_LIBRARY NAMES libpg_query.a pg_query REQUIRED)
find_path(PG_QUERY_INCLUDE pg_query.h REQUIRED)
add_library(pg_query INTERFACE IMPORTED)
target_include_directories(pg_query INTERFACE ${PG_QUERY_INCLUDE})
target_link_libraries(pg_query INTERFACE ${PG_QUERY_LIBRARY} Threads::Threads)
target_link_options(pg_query INTERFACE -Wl,--exclude-libs,libpg_query.a)
# Headers only.
find_path(RAPIDJSON_INCLUDE rapidjson/reader.h REQUIRED)
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
