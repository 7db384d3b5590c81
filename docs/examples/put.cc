// put.cc: seals a file to a verifier and stores it in the buffer; prints the blob's id.
// c++ -std=c++17 -o put put.cc $(pkg-config --cflags --libs timeglas)
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
static const char usage[] = "usage: put FILE KIND [ISSUER [SESSION]], with TIMEGLAS_URL, _CA, "
			    "_CERT, _KEY, _RECIPIENT and _SIGNING_KEY (a file) set";

int main(int argc, char **argv)
{
	const std::string url = env("URL"), ca = env("CA"), cert = env("CERT"), key = env("KEY");
	const std::string to = env("RECIPIENT");
	tg_client_opts server{}; tg_put_file_opts o{}; tg_blob blob{};
	tg_client *client = nullptr;
	tg_recipient *recipient = nullptr; tg_signer *signer = nullptr;
	int err = argc < 3 ? int(TG_EINVAL) : tg_init();

	server.struct_size = sizeof server, server.url = url.c_str(), server.ca = ca.c_str();
	server.cert = cert.c_str(), server.key = key.c_str();
	if (!err) err = tg_recipient_parse(to.data(), to.size(), &recipient);
	if (!err) err = tg_signer_load(env("SIGNING_KEY").c_str(), &signer);
	if (!err) err = tg_client_new(&server, &client);
	const std::unique_ptr<tg_client, Free<tg_client_free>> c(client);
	const std::unique_ptr<tg_recipient, Free<tg_recipient_free>> r(recipient);
	const std::unique_ptr<tg_signer, Free<tg_signer_free>> s(signer);
	const tg_recipient *recipients[] = {recipient};
	blob.struct_size = sizeof blob, o.struct_size = sizeof o;
	o.recipient = recipients, o.n_recipients = 1, o.signer = signer;
	if (!err) o.kind = argv[2], o.issuer = argc > 3 ? argv[3] : nullptr;
	if (!err) o.session = argc > 4 ? argv[4] : nullptr;
	if (!err) err = tg_put_file(client, &o, argv[1], &blob);
	if (!err) std::cout << blob.blob << '\n';
	else std::cerr << "put: " << tg_strerror(err) << ": "
		       << (client ? tg_client_error(client) : usage) << '\n';
	return err != 0;
}
