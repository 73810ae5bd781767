# `make install`: the binary, its manual page, a sample weir.toml, the systemd units and rules for Prometheus. DESTDIR is honoured.
include(GNUInstallDirs)

if(TARGET weir)
  install(TARGETS weir RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES packaging/weir.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
install(FILES packaging/weir.toml DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/weir
  PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ RENAME weir.toml.sample OPTIONAL)
install(FILES packaging/weir.service packaging/weir.socket DESTINATION lib/systemd/system OPTIONAL)
install(FILES packaging/prometheus-rules.yml DESTINATION ${CMAKE_INSTALL_DATADIR}/weir OPTIONAL)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
