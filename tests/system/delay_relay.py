"""A process between servers and a store that passes every byte on later, each way: a store that is
far away. usage: delay_relay.py LISTEN STORE SECONDS [COMMAND] (unix sockets)

From SIGUSR1 on, COMMAND arrives at the store as one that it does not know: what it answers then is
an error, for those behind this relay alone."""
import asyncio
import signal
import subprocess
import sys


GARBLED = {}  # what is sent to the store: as what it arrives


async def pump(reader, writer, delay, garbled=()):
    """In order, each piece so long after it came; the end, too."""
    loop, pieces = asyncio.get_running_loop(), asyncio.Queue()

    async def read():
        data = b"x"
        while data:
            try:
                data = await reader.read(1 << 18)
            except ConnectionError:
                data = b""
            for word in garbled:
                data = data.replace(word, garbled[word])
            pieces.put_nowait((loop.time() + delay, data))

    reading = asyncio.ensure_future(read())
    while True:
        due, data = await pieces.get()
        await asyncio.sleep(max(0, due - loop.time()))
        if not data:
            break
        writer.write(data)
    writer.close()
    await reading


async def serve(path, store, delay, command):
    async def on_client(reader, writer):
        far_reader, far_writer = await asyncio.open_unix_connection(store)
        await asyncio.gather(
            pump(reader, far_writer, delay, GARBLED),
            pump(far_reader, writer, delay),
            return_exceptions=True,
        )

    if command:
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGUSR1, GARBLED.update, {command: command[:-1] + b"_"}
        )
    server = await asyncio.start_unix_server(on_client, path)
    print("listening", flush=True)
    await server.serve_forever()


class Relay:
    def __init__(self, path, store, delay, command=""):
        self.path = path
        self.proc = subprocess.Popen(
            [sys.executable, __file__, str(path), str(store), str(delay), command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self.proc.stdout.readline() == b"listening\n"

    def garble(self):
        self.proc.send_signal(signal.SIGUSR1)

    def stop(self):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()


if __name__ == "__main__":
    asyncio.run(
        serve(sys.argv[1], sys.argv[2], float(sys.argv[3]), (sys.argv[4:] or [""])[0].encode())
    )
