package client_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
)

// A program that speaks plain SOAP over an http.Client needs nothing but the
// Client as its Transport.
func TestRoundTripIsPlainForItsCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	plain := &http.Client{Transport: w.client("Kerberos", nil)}
	post := func(url, contentType string, message []byte) (int, string, error) {
		t.Helper()
		resp, err := plain.Post(url, contentType, bytes.NewReader(message))
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if media := resp.Header.Get("Content-Type"); len(b) > 0 && !strings.HasPrefix(contentType, media[:8]) {
			t.Errorf("the response is %q", media)
		}
		return resp.StatusCode, string(b), err
	}
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		status, reply, err := post(w.url, v.ContentType(), envelope(v, "", ask))
		if err != nil || status != 200 || !strings.Contains(reply, "worth") || strings.Contains(reply, "Security") {
			t.Errorf("%v: %d %s, %v", v, status, reply, err)
		}
	}
	w.backend = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", soap.V12.ContentType())
		rw.WriteHeader(400)
		_, _ = rw.Write((&soap.Fault{Code: soap.Sender, Reason: "no such share"}).AppendEnvelope(nil, soap.V12))
	}
	status, reply, err := post(w.url, soap.V12.ContentType(), envelope(soap.V12, "", ask))
	if err != nil || status != 500 || !strings.Contains(reply, "no such share") {
		t.Errorf("a fault: %d %s, %v", status, reply, err)
	}
	w.backend = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusAccepted) }
	if status, reply, err := post(w.url, soap.V12.ContentType(), envelope(soap.V12, "", ask)); err != nil ||
		status != 202 || reply != "" {
		t.Errorf("one way: %d %s, %v", status, reply, err)
	}
	w.between = func(r *http.Response) { replaced(r, envelope(soap.V12, "", "<a/>")) }
	w.backend = echo
	_, _, err = post(w.url, soap.V12.ContentType(), envelope(soap.V12, "", ask))
	if e := new(client.Error); !errors.As(err, &e) || e.Code != client.CodeNoSOAP && e.Code != client.CodeUnverified {
		t.Errorf("an unprotected reply: %v", err)
	}
	for what, call := range map[string]func() error{
		"GET": func() error { _, err := plain.Get(w.url); return err },
		"another address": func() error {
			_, _, err := post(w.url+"x", "text/xml", envelope(soap.V11, "",
				ask))
			return err
		},
		"no SOAP":          func() error { _, _, err := post(w.url, "text/plain", envelope(soap.V11, "", ask)); return err },
		"a broken message": func() error { _, _, err := post(w.url, "text/xml", []byte("<")); return err },
	} {
		if e := new(client.Error); !errors.As(call(), &e) || e.Code != client.CodeMessage {
			t.Errorf("%s: %v", what, e)
		}
	}
}
