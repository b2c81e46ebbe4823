package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/mtom"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Commands of scripts for what comes over the wire, in both directions.

// scriptFill: fill FILE. Replaces $NAME in a file.
func scriptFill(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// onTheWire returns a request as a file has it, without an end if it has none
// there. The header section gets the line ends of HTTP, and a Content-Length
// unless it has what is in place of one. LONG is 300,000 octets, PARTS is 10,000
// parts without a boundary behind them, and INCLUDES as many references to one.
// The lines of chunks and parts end as those of the header section.
func onTheWire(ts *testscript.TestScript, file string) string {
	text := ts.ReadFile(file)
	for word, many := range map[string]string{
		"LONG":     strings.Repeat("x", 300_000),
		"PARTS":    strings.Repeat("--b\nContent-ID: <c>\n\nx\n", 10_000),
		"INCLUDES": strings.Repeat(`<f><x:Include xmlns:x="`+mtom.NSXOP+`" href="cid:a"/></f>`, 10_000),
		"XOP":      mtom.NSXOP,
	} {
		text = strings.ReplaceAll(text, word, many)
	}
	header, body, whole := strings.Cut(text, "\n\n")
	chunked := strings.Contains(header, "Transfer-Encoding")
	if chunked || strings.Contains(header, "multipart/") {
		body = strings.ReplaceAll(body, "\n", "\r\n")
	}
	if whole && !chunked && !strings.Contains(header, "Content-Length") {
		header += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	if header = strings.ReplaceAll(header, "\n", "\r\n"); whole {
		header += "\r\n\r\n"
	}
	return header + body
}

// scriptStall: stall ADDRESS NUMBER FILE. Sends a request on so many connections,
// and leaves them open until the script ends.
func scriptStall(ts *testscript.TestScript, _ bool, args []string) {
	text, number := onTheWire(ts, args[2]), 0
	_, err := fmt.Sscan(args[1], &number)
	ts.Check(err)
	for range number {
		conn, err := net.Dial("tcp", args[0])
		ts.Check(err)
		ts.Defer(func() { conn.Close() })
		_, err = io.WriteString(conn, text)
		ts.Check(err)
	}
}

// scriptSend: send ADDRESS STATUS FILE [TEXT…]. Sends a request, and waits for
// the answer without sending more. Status is that of the answer, none if there
// may be no answer. The texts are in the answer.
func scriptSend(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := net.Dial("tcp", args[0])
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(time.Minute)))
	text := onTheWire(ts, args[2])
	// The answer may come, and the connection end, before all is written.
	go func() { _, _ = io.WriteString(conn, text) }()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		if args[1] != "none" || os.IsTimeout(err) {
			ts.Fatalf("%v", err)
		}
		return
	}
	var answer bytes.Buffer
	_ = resp.Header.Write(&answer)
	_, _ = io.Copy(&answer, resp.Body) // its end may be that of the connection, of which not all was read
	if args[1] != "none" && args[1] != strconv.Itoa(resp.StatusCode) {
		ts.Fatalf("HTTP %d\n%s", resp.StatusCode, &answer)
	}
	for _, want := range args[3:] {
		if !strings.Contains(answer.String(), want) {
			ts.Fatalf("HTTP %d without %q\n%s", resp.StatusCode, want, &answer)
		}
	}
}

// scriptAsk: ask URL STATUS [REASON [FILE SOAPACTION]]. Sends a fresh protected
// request, or what FILE has, with an action in HTTP. The reply has the status
// and, with a reason, is a fault that verifies; without one it is empty.
func scriptAsk(ts *testscript.TestScript, _ bool, args []string) {
	client, question := scriptClient(ts, args[0]), demo.Question
	var action []string
	if len(args) > 3 {
		question, action = ts.ReadFile(args[3]), args[4:]
	}
	wire, sent, err := client.Protect(context.Background(), question)
	ts.Check(err)
	req, err := http.NewRequest(http.MethodPost, args[0], bytes.NewReader(wire))
	ts.Check(err)
	req.Header = http.Header{"Content-Type": {soap.V11.ContentType()}, "Soapaction": action}
	resp, err := client.HTTP.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if strconv.Itoa(resp.StatusCode) != args[1] {
		ts.Fatalf("HTTP %d\n%s", resp.StatusCode, reply)
	}
	if len(args) == 2 {
		if len(reply) > 0 {
			ts.Fatalf("not empty: %s", reply)
		}
		return
	}
	msg, err := client.Open(context.Background(), reply, sent)
	ts.Check(err)
	var fault *soap.Fault
	if fault, _ = msg.Envelope().Fault(); fault == nil || fault.Reason != args[2] {
		ts.Fatalf("%+v", fault)
	}
}

// scriptPack: pack URL TYPE. Sends a fresh protected request as a package of MTOM,
// whose question has 4000 characters of base64. The reply has this media type,
// and verifies with its attachments inline; it has the question.
func scriptPack(ts *testscript.TestScript, _ bool, args []string) {
	client, file := scriptClient(ts, args[0]), strings.Repeat("file", 1000)
	wire, sent, err := client.Protect(context.Background(),
		`<e:Envelope xmlns:e="`+soap.NS11+`"><e:Body><f>`+file+`</f></e:Body></e:Envelope>`)
	ts.Check(err)
	body, contentType, err := mtom.Append(nil, wire, mtom.Form{Version: soap.V11}, xmltext.Options{})
	ts.Check(err)
	resp, err := client.HTTP.Post(args[0], contentType, bytes.NewReader(body))
	ts.Check(err)
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	ts.Check(err)
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if resp.StatusCode != http.StatusOK || mediaType != args[1] {
		ts.Fatalf("HTTP %d, %s\n%s", resp.StatusCode, mediaType, reply)
	}
	if mtom.IsPackage(resp.Header) {
		t, err := mtom.ParseType(resp.Header.Get("Content-Type"))
		ts.Check(err)
		reply, err = mtom.Inline(reply, t, xmltext.Options{})
		ts.Check(err)
	}
	msg, err := client.Open(context.Background(), reply, sent)
	ts.Check(err)
	if !strings.Contains(msg.Envelope().Body.Text()+string(msg.Body().AppendSource(nil)), file) {
		ts.Fatalf("another answer: %s", reply)
	}
}
