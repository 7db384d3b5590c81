/* peers.h: the texts of the files in bench/peers/. The Makefile builds them in. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

extern const char peers_nginx_conf[], peers_handler_lua[], peers_simple_lua[], peers_webdis_json[];

#endif
