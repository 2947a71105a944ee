// A chat server over TLS that speaks HTTP/2 and HTTP/1.1: node node_server.js CERTIFICATE KEY. Prints its port.
"use strict";
const fs = require("fs");
const http2 = require("http2");

const [certificate, key] = process.argv.slice(2);
const options = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key), allowHTTP1: true };

function event(delta, usage) {
    const choices = delta ? [{ index: 0, delta, finish_reason: null }] : [];
    return "data: " + JSON.stringify({ object: "chat.completion.chunk", choices, usage }) + "\n\n";
}

http2
    .createSecureServer(options, (request, response) => {
        let body = "";
        request.on("data", (data) => (body += data));
        request.on("end", () => {
            const stream = JSON.parse(body).stream;
            const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
            response.setHeader("X-Version", request.httpVersion);
            if (!stream) {
                response.setHeader("Content-Type", "application/json");
                const message = { role: "assistant", content: "one two three four" };
                response.end(JSON.stringify({ object: "chat.completion", choices: [{ message }], usage }));
                return;
            }
            response.setHeader("Content-Type", "text/event-stream");
            const words = ["one", " two", " three", " four"];
            const next = () => {
                const word = words.shift();
                if (word !== undefined) {
                    response.write(event({ content: word }));
                    setImmediate(next);
                } else {
                    response.end(event(null, usage) + "data: [DONE]\n\n");
                }
            };
            next();
        });
    })
    .listen(0, "127.0.0.1", function () {
        console.log("listening on port " + this.address().port);
    });
