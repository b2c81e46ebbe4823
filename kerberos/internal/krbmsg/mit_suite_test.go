package krbmsg_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

var krb5Source = flag.String("krb5", "", "folder of MIT's sources, krb5 1.20 or later")

// An asn1Case is an encoding of MIT's tests: of what, how it differs from the
// sample, and its octets.
type asn1Case struct {
	kind, what string
	octets     []byte
}

// asn1Cases returns the encodings that MIT's tests decode, and those that they
// expect of its encoder.
func asn1Cases(t *testing.T) (cases []asn1Case) {
	t.Helper()
	if *krb5Source == "" {
		t.Skip("the sources are fetched by .ci/suites, and read with -krb5 DIR")
	}
	add := func(kind, what, text string) {
		octets, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			t.Fatalf("%s %s: %v", kind, what, err)
		}
		same := func(o asn1Case) bool { return o.kind == kind && bytes.Equal(o.octets, octets) }
		if !slices.ContainsFunc(cases, same) {
			cases = append(cases, asn1Case{kind, strings.Trim(strings.TrimSpace(what), "()"), octets})
		}
	}
	read := func(name string) string {
		b, err := os.ReadFile(*krb5Source + "/src/tests/asn.1/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	calls := regexp.MustCompile(`decode_run\("([^"]*)",\s*"([^"]*)",\s*((?:"[0-9A-F ]*"\s*)+),`)
	for _, m := range calls.FindAllStringSubmatch(read("krb5_decode_test.c"), -1) {
		add(m[1], m[2], strings.ReplaceAll(m[3], `"`, ""))
	}
	lines := regexp.MustCompile(`(?m)^encode_krb5_(\w+) ?([^:]*): ([0-9A-F ]+)$`)
	for _, m := range lines.FindAllStringSubmatch(read("reference_encode.out"), -1) {
		add(m[1], m[2], m[3])
	}
	return cases
}

// sampleTime prints the time of MIT's samples as T, with its microseconds as T.U.
func sampleTime(t time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case t.Equal(time.Unix(771228197, 0)):
		return "T"
	case t.Equal(time.Unix(771228197, 123456000)):
		return "T.U"
	}
	return t.String()
}

func nameOf(n krbmsg.Name) string { return fmt.Sprintf("%s/%d", n.AppendText(nil), n.Type) }

func encrypted(e krbmsg.EncryptedData) string {
	return fmt.Sprintf("%d %d %q", e.Etype, e.Kvno, e.Cipher)
}

// authzOf prints the content of AuthorizationData.
func authzOf(list []byte) string {
	p, s := der.Parser{}, "["
	for len(list) > 0 && p.Err == nil {
		kind, data := krbmsg.ReadAuthzElement(&p, &list)
		s += fmt.Sprintf("%d %q ", kind, data)
	}
	return fmt.Sprint(strings.TrimSpace(s), "]")
}

// asn1Readers print what is read of an encoding.
var asn1Readers = map[string]func(b []byte) (string, error){
	"authenticator": func(b []byte) (string, error) {
		a, err := krbmsg.ParseAuthenticator(b)
		return fmt.Sprintf("%s %s, %d %q, %s, %d %q, %x, %s", a.CRealm, nameOf(a.CName), a.CksumType, a.Cksum,
			sampleTime(a.CTime), a.Subkey.Etype, a.Subkey.Octets, a.SeqNumber, authzOf(a.AuthzData)), err
	},
	"ticket": func(b []byte) (string, error) {
		r, err := krbmsg.TicketInClear(b)
		return fmt.Sprintf("%s %s, %s", r.Realm, nameOf(r.SName), encrypted(r.Ticket)), err
	},
	"enc_tkt_part": func(b []byte) (string, error) {
		e, err := krbmsg.ParseEncTicketPart(b)
		return fmt.Sprintf("%x, %d %q, %s %s, %d %q, %s %s %s %s, %d, %s", e.Flags, e.Key.Etype, e.Key.Octets, e.CRealm,
			nameOf(e.CName), e.TrType, e.Transited, sampleTime(e.AuthTime), sampleTime(e.StartTime), sampleTime(e.EndTime),
			sampleTime(e.RenewTill), len(e.Addresses), authzOf(e.AuthzData)), err
	},
	"enc_kdc_rep_part": func(b []byte) (string, error) {
		e, err := krbmsg.ParseEncKDCRepPart(b)
		return fmt.Sprintf("%d %q, %d, %x, %s %s %s, %s %s", e.Key.Etype, e.Key.Octets, e.Nonce, e.Flags,
			sampleTime(e.AuthTime), sampleTime(e.StartTime), sampleTime(e.EndTime), e.SRealm, nameOf(e.SName)), err
	},
	"as_rep":  func(b []byte) (string, error) { return kdcReply(b, 11) },
	"tgs_rep": func(b []byte) (string, error) { return kdcReply(b, 13) },
	"as_req":  func(b []byte) (string, error) { return kdcRequest(b, 10) },
	"tgs_req": func(b []byte) (string, error) { return kdcRequest(b, 12) },
	"ap_req": func(b []byte) (string, error) {
		r, err := krbmsg.ParseAPReq(b)
		return fmt.Sprintf("%x, %s %s, %s, %s", r.Options, r.Realm, nameOf(r.SName), encrypted(r.Ticket),
			encrypted(r.Authenticator)), err
	},
	"ap_rep": func(b []byte) (string, error) {
		e, err := krbmsg.ParseAPRep(b)
		return encrypted(e), err
	},
	"ap_rep_enc_part": func(b []byte) (string, error) {
		session, err := etype.NewKey(18, make([]byte, 32))
		if err != nil {
			return "", err
		}
		const usageAPRep = 12
		enc := krbmsg.EncodeEncryptedData(18, etype.NewUsageKey(session, usageAPRep).AppendEncrypted(nil, b))
		part, err := krbmsg.OpenAPRep(der.Element(der.TagApplication(15), der.Element(der.TagSequence,
			[]byte("\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0f"), der.Element(der.TagContext(2), enc))), session)
		return fmt.Sprintf("%s, %x", sampleTime(part.CTime), part.SeqNumber), err
	},
	"cred": func(b []byte) (string, error) {
		c, err := krbmsg.ReadKRBCred(b)
		return fmt.Sprintf("%d tickets, %s", len(c.Tickets), encrypted(c.EncPart)), err
	},
	"error": func(b []byte) (string, error) {
		e, err := krbmsg.ParseKRBError(b)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d, %s, %s %s, %s, %q %q", e.Code, sampleTime(e.Time), e.Realm, e.Service, e.Client, e.Text,
			e.Data), nil
	},
	"enc_data": func(b []byte) (string, error) {
		p := der.Parser{}
		e := krbmsg.ReadEncryptedData(&p, p.Whole(b, der.TagSequence, ""), "")
		return encrypted(e), p.Err
	},
	"authorization_data": func(b []byte) (string, error) {
		p := der.Parser{}
		return authzOf(p.Whole(b, der.TagSequence, "")), p.Err
	},
	"padata_sequence": func(b []byte) (string, error) {
		p, list := der.Parser{}, ""
		krbmsg.EachPAData(&p, p.Whole(b, der.TagSequence, ""), func(kind int32, value []byte) {
			list += fmt.Sprintf("%d %q ", kind, value)
		})
		return list, p.Err
	},
	"etype_info2": func(b []byte) (string, error) {
		const paETypeInfo2 = 19
		a, err := krbmsg.ParsePreauth(krbmsg.EncodePAData(paETypeInfo2, b))
		list := ""
		for _, i := range a.Info {
			list += fmt.Sprintf("%d %v %q %q ", i.Etype, i.HasSalt, i.Salt, i.Params)
		}
		return list, err
	},
	"pa_s4u_x509_user": func(b []byte) (string, error) {
		u, err := krbmsg.ParseS4UUser(b)
		return u.Client.String(), err
	},
	"kkdcp_message": func(b []byte) (string, error) {
		m, err := krbmsg.ParseKDCProxyMessage(b)
		return fmt.Sprintf("%d, %q, %d", len(m.Message), m.TargetDomain, m.Hint), err
	},
}

func kdcReply(b []byte, kind byte) (string, error) {
	r, err := krbmsg.ParseKDCReply(b, kind)
	return fmt.Sprintf("%d, %s %s, %d, %s %s, %s", len(r.PAData), r.CRealm, nameOf(r.CName), len(r.Ticket), r.Realm,
		nameOf(r.SName), encrypted(r.EncPart)), err
}

func kdcRequest(b []byte, kind byte) (string, error) {
	r, pa, err := krbmsg.ParseKDCRequest(b, kind)
	return fmt.Sprintf("%d, %x, %q, %s %q, %s %s, %d, %v", len(pa), r.Options, r.Client, r.Realm, r.Service,
		sampleTime(r.Till), sampleTime(r.RenewTill), r.Nonce, r.Etypes), err
}

// The parts of MIT's samples (src/tests/asn.1/ktest.c): a name, a key, what is
// encrypted.
const (
	sampleName = "ATHENA.MIT.EDU hftsai/extra/1"
	sampleEnc  = `0 5 "krbASN.1 test message"`
	sampleKey  = `1 "12345678"`
	sampleAuth = `[1 "foobar" 1 "foobar"]`
	sampleTr   = `1 "EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS."`
)

// asn1Expected is what MIT's tests have of each encoding, by its kind and what
// differs in it.
var asn1Expected = map[string]string{
	"authenticator": "A, 11, " + sampleAuth,
	"authenticator 80 -> seq-number 0xffffff80":         "A, ffffff80, " + sampleAuth,
	"authenticator FF -> seq-number 0xffffffff":         "A, ffffffff, " + sampleAuth,
	"authenticator 00FF -> seq-number 0xff":             "A, ff, " + sampleAuth,
	"authenticator 00FFFFFFFF -> seq-number 0xffffffff": "A, ffffffff, " + sampleAuth,
	"authenticator 7FFFFFFF -> seq-number 0x7fffffff":   "A, 7fffffff, " + sampleAuth,
	"authenticator FFFFFFFF -> seq-number 0xffffffff":   "A, ffffffff, " + sampleAuth,
	"authenticator optionals empty":                     sampleName + `, 0 "", T.U, 0 "", 0, []`,
	"ticket":                                            sampleName + ", " + sampleEnc,
	"enc_tkt_part": "fedcba98, " + sampleKey + ", " + sampleName + ", " + sampleTr +
		", T T T T, 30, " + sampleAuth,
	"enc_tkt_part optionals NULL":                                 "E fedcba98",
	"enc_tkt_part optionals NULL + bitstring enlarged to 38 bits": "E fedcba98",
	"enc_tkt_part optionals NULL + bitstring enlarged to 40 bits": "E fedcba98",
	"enc_tkt_part optionals NULL + bitstring reduced to 29 bits":  "E fedcba98",
	"enc_tkt_part optionals NULL + bitstring reduced to 24 bits":  "E fedcba00",
	"enc_kdc_rep_part":                sampleKey + ", 42, fedcba98, T T T, " + sampleName,
	"enc_kdc_rep_part optionals NULL": sampleKey + ", 42, fe5cba98, T - T, " + sampleName,
	"as_rep":                          "36, R", "as_rep optionals NULL": "0, R",
	"tgs_rep": "36, R", "tgs_rep optionals NULL": "0, R",
	"ap_req":                         "fedcba98, " + sampleName + ", " + sampleEnc + ", " + sampleEnc,
	"ap_rep":                         sampleEnc,
	"ap_rep_enc_part optionals NULL": "T.U, 0",
	"as_req":                         "36, Q", "tgs_req": "36, Q",
	"as_req optionals NULL except second_ticket":  `0, fedcba98, [], ATHENA.MIT.EDU [], T -, 42, [0 1]`,
	"tgs_req optionals NULL except second_ticket": `0, fedcba98, [], ATHENA.MIT.EDU [], T -, 42, [0 1]`,
	"as_req optionals NULL except server":         `0, fedcba90, [], ATHENA.MIT.EDU ["hftsai" "extra"], T -, 42, [0 1]`,
	"tgs_req optionals NULL except server":        `0, fedcba90, [], ATHENA.MIT.EDU ["hftsai" "extra"], T -, 42, [0 1]`,
	"cred":                                        "2 tickets, " + sampleEnc,

	"error":                 `60, T.U, ATHENA.MIT.EDU hftsai/extra, hftsai/extra@ATHENA.MIT.EDU, "krb5data" "krb5data"`,
	"error optionals NULL":  `60, T.U, ATHENA.MIT.EDU hftsai/extra, , "" ""`,
	"enc_data":              sampleEnc,
	"enc_data MSB-set kvno": `0 4278190080 "krbASN.1 test message"`,
	"enc_data kvno=-1":      `0 4294967295 "krbASN.1 test message"`,
	"authorization_data":    sampleAuth,
	"padata_sequence":       `13 "pa-data" 13 "pa-data" `,
	"padata_sequence empty": "",

	"etype_info2":        `0 true "Morton's #0" "s2k: 0" 1 false "" "s2k: 1" 2 true "Morton's #2" "s2k: 2" `,
	"etype_info2 only 1": `0 true "Morton's #0" "s2k: 0" `,
	"kkdcp_message":      `488, "krb5data", 0`,
	"pa_s4u_x509_user":   "hftsai/extra@ATHENA.MIT.EDU",
}

// asn1Refused is what MIT decodes, and is refused here, with the reason.
var asn1Refused = map[string]string{
	"ticket + trailing [4] INTEGER": "Ticket has no place for more fields (RFC 4120 5.3)",
	"ap_rep_enc_part":               "the subkey is a DES key",
}

// expand writes out what several entries of asn1Expected share.
func expand(s string) string {
	return strings.NewReplacer("A, ", sampleName+`, 1 "1234", T.U, `+sampleKey+", ",
		", R", ", "+sampleName+", 94, "+sampleName+", "+sampleEnc,
		", Q", `, fedcba90, ["hftsai" "extra"], ATHENA.MIT.EDU ["hftsai" "extra"], T T, 42, [0 1]`,
	).Replace(s)
}

// What MIT's tests decode, and what they expect of its encoder, is read with the
// values of its samples.
func TestReadersMatchMITsTests(t *testing.T) {
	cases := asn1Cases(t)
	right, refused, others := 0, 0, 0
	for _, c := range cases {
		name := strings.TrimSpace(c.kind + " " + c.what)
		read := asn1Readers[c.kind]
		if read == nil {
			others++
			continue
		}
		got, err := read(c.octets)
		if reason := asn1Refused[name]; reason != "" {
			if refused++; err == nil {
				t.Errorf("%s is read, as %s; it was refused: %s", name, got, reason)
			}
			continue
		}
		want, known := asn1Expected[name]
		if flags, ok := strings.CutPrefix(want, "E "); ok {
			want = flags + ", " + sampleKey + ", " + sampleName + ", " + sampleTr + ", T T T -, 0, []"
		}
		if want = expand(want); err != nil || !known || got != want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
			continue
		}
		right++
	}
	t.Logf("krb5: %d encodings, %d right, %d refused; not applicable: %d of messages that are not read here",
		len(cases), right, refused, others)
	if right != len(asn1Expected) || refused != len(asn1Refused) {
		t.Errorf("%d right of %d, %d refused of %d", right, len(asn1Expected), refused, len(asn1Refused))
	}
}
