// fetch.cc: fetches a blob into a file that appears only when all of it is checked; prints who
// sealed it, and when. c++ -std=c++17 -o fetch fetch.cc $(pkg-config --cflags --libs timeglas)
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <timeglas/timeglas.h>

template <auto F> struct Free { template <class T> void operator()(T *p) const { F(p); } };
static std::string env(const char *name)
{
	const char *value = std::getenv((std::string("TIMEGLAS_") + name).c_str());
	return value ? value : "";
}
static const char usage[] = "usage: fetch ID FILE [SESSION], with TIMEGLAS_URL, _CA, _CERT, _KEY, "
			    "_IDENTITY (a file) and _SENDER set";

int main(int argc, char **argv)
{
	const std::string url = env("URL"), ca = env("CA"), cert = env("CERT"), key = env("KEY");
	tg_client_opts server{};
	tg_identity *reader = nullptr; // one; a program with several gives an array
	tg_senders *senders = nullptr; tg_client *client = nullptr;
	tg_expect expect{}; tg_fetch_opts o{}; tg_fetched got{};
	int err = argc < 3 ? int(TG_EINVAL) : tg_init();

	server.struct_size = sizeof server, server.url = url.c_str(), server.ca = ca.c_str();
	server.cert = cert.c_str(), server.key = key.c_str();
	expect.struct_size = sizeof expect, o.struct_size = sizeof o, got.struct_size = sizeof got;
	if (!err) err = tg_identity_load(env("IDENTITY").c_str(), &reader, 1, &expect.n_identities);
	if (!err) err = tg_senders_new(&senders);
	if (!err) err = tg_senders_add(senders, "app", env("SENDER").c_str());
	if (!err) err = tg_client_new(&server, &client);
	const std::unique_ptr<tg_client, Free<tg_client_free>> c(client);
	const std::unique_ptr<tg_senders, Free<tg_senders_free>> s(senders);
	const std::unique_ptr<tg_identity, Free<tg_identity_free>> i(reader);
	expect.identity = &reader, expect.senders = senders, o.expect = &expect;
	expect.session = argc > 3 ? argv[3] : nullptr;
	if (!err) err = tg_fetch_file(client, argv[1], &o, argv[2], &got);
	if (!err) std::cout << got.head->kind << " by " << got.head->sender_name;
	if (!err) std::cout << " at " << got.head->time_ms << '\n';
	else std::cerr << "fetch: " << tg_strerror(err) << ": "
		       << (client ? tg_client_error(client) : usage) << '\n';
	return err != 0;
}
