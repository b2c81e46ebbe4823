package kdc

import (
	"context"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// recordedReplies are replies of fakeKDC to both requests, and the encrypted
// part of one.
func recordedReplies(f *testing.F) [][]byte {
	f.Helper()
	k := &recordingKDC{}
	i, err := NewClient(ClientConfig{Client: "alice@A", Password: "secret", KDC: k, RenewLifetime: time.Hour})
	if err != nil {
		f.Fatal(err)
	}
	defer i.Close()
	if _, err := i.ServiceTicket(context.Background(), "soap/gw"); err != nil {
		f.Fatal(err)
	}
	return k.replies
}

type recordingKDC struct {
	fakeKDC
	replies [][]byte
}

func (k *recordingKDC) Exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	reply, err := k.fakeKDC.Exchange(ctx, realm, request)
	k.replies = append(k.replies, reply)
	return reply, err
}

// FuzzKDCReply: no reply panics; one that is read has legal names, and gokrb5,
// where it reads it too, finds the same.
func FuzzKDCReply(f *testing.F) {
	for _, b := range recordedReplies(f) {
		f.Add(b)
	}
	f.Add(errReply(25))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, msgType := range []byte{11, 13} {
			r, err := krbmsg.ParseKDCReply(b, msgType)
			if err != nil {
				continue
			}
			krbmsg.ParsePreauth(r.PAData)
			if !kerberos.LegalName(string(r.CRealm)) || !kerberos.LegalName(string(r.Realm)) ||
				len(r.CName.Components()) == 0 || len(r.SName.Components()) == 0 {
				t.Fatalf("accepted names %q %q", r.CRealm, r.Realm)
			}
			var theirs messages.KDCRepFields
			if msgType == 11 {
				var as messages.ASRep
				if as.Unmarshal(b) != nil {
					continue
				}
				theirs = as.KDCRepFields
			} else {
				var tgs messages.TGSRep
				if tgs.Unmarshal(b) != nil {
					continue
				}
				theirs = tgs.KDCRepFields
			}
			if theirs.CRealm != string(r.CRealm) || !sameName(r.CName, theirs.CName) ||
				theirs.Ticket.Realm != string(r.Realm) || !sameName(r.SName, theirs.Ticket.SName) ||
				string(theirs.EncPart.Cipher) != string(r.EncPart.Cipher) || theirs.EncPart.EType != r.EncPart.Etype {
				t.Errorf("gokrb5 reads %+v", theirs)
			}
		}
		if e, err := krbmsg.ParseEncKDCRepPart(b); err == nil &&
			(!kerberos.LegalName(string(e.SRealm)) || e.EndTime.IsZero()) {
			t.Errorf("%+v", e)
		}
	})
}

// FuzzLogin: whatever a KDC answers to a login, in clear or encrypted under the
// right key, nothing panics or takes long, and a ticket that is returned is the
// client's and has not ended.
func FuzzLogin(f *testing.F) {
	for _, b := range recordedReplies(f) {
		f.Add(b, true)
	}
	f.Add(errReply(24), false)
	f.Add(preauthRequired(f, "EXAMPLE"), false)
	key, err := etype.StringToKey(etype.AES256SHA1, "secret", "Aalice", nil)
	if err != nil {
		f.Fatal(err)
	}
	kt := keytab.New(keytab.Entry{Principal: kerberos.Principal{Components: []string{"alice"}, Realm: "A"}, Kvno: 1,
		Etype: 18, Key: key})
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		i, err := NewClient(ClientConfig{Client: "alice@A", Keytab: kt, KDC: cannedKDC{b, sealed, key}})
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close()
		ticket, err := i.login(t.Context())
		if err == nil && (ticket.Client.String() != "alice@A" || ticket.Service.String() != "krbtgt/A@A" ||
			!ticket.EndTime.After(time.Now()) || ticket.SessionKey.IsZero()) {
			t.Errorf("%+v", ticket)
		}
	})
}

// cannedKDC answers with the same octets each time: as they are, or as
// encrypted part of an AS-REP.
type cannedKDC struct {
	b      []byte
	sealed bool
	key    etype.Key
}

func (k cannedKDC) Exchange(context.Context, string, []byte) ([]byte, error) {
	if !k.sealed {
		return k.b, nil
	}
	return der.Element(der.TagApplication(11), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{11}),
		der.Field(3, der.TagGeneralString, []byte("A")),
		der.Element(der.TagContext(4), krbmsg.EncodeName(1, []string{"alice"})),
		der.Element(der.TagContext(5),
			der.Element(der.TagApplication(1), der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{5}),
				der.Field(1, der.TagGeneralString, []byte("A")),
				der.Element(der.TagContext(2), krbmsg.EncodeName(2, []string{"krbtgt", "A"})),
				der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(18, make([]byte, 48)))))),
		der.Element(der.TagContext(6),
			krbmsg.EncodeEncryptedData(18, etype.NewUsageKey(k.key, krbmsg.UsageASReply).AppendEncrypted(nil, k.b))))), nil
}

// preauthRequired is KDC_ERR_PREAUTH_REQUIRED with ETYPE-INFO2.
func preauthRequired(t testing.TB, salt string) []byte {
	t.Helper()
	info := der.Element(der.TagSequence, der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{18}),
		der.Field(1, der.TagGeneralString, []byte(salt)), der.Field(2, der.TagOctetString, []byte{0, 0, 16, 0})))
	data := der.Element(der.TagSequence, krbmsg.EncodePAData(krbmsg.PAEncTimestamp, nil),
		krbmsg.EncodePAData(krbmsg.PAETypeInfo2, info), krbmsg.EncodePAData(krbmsg.PAFXCookie, []byte("cookie")))
	return der.Element(der.TagApplication(30),
		der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{30}),
			der.Field(4, der.TagGeneralizedTime, []byte("20260101000000Z")), der.Field(5, der.TagInteger, []byte{0}),
			der.Field(6, der.TagInteger, []byte{25}),
			der.Field(9, der.TagGeneralString, []byte("A")),
			der.Element(der.TagContext(10), krbmsg.EncodeName(2, []string{"krbtgt", "A"})),
			der.Field(12, der.TagOctetString, data)))
}

// FuzzConfiguredKDCs: kdc entries of any krb5.conf are KDCs, or an error.
func FuzzConfiguredKDCs(f *testing.F) {
	f.Add("127.0.0.1:88")
	f.Add("[::1]:1088 x")
	f.Add("udp/kdc.example.com")
	f.Fuzz(func(t *testing.T, entry string) {
		if list, err := configuredKDCs("A", []string{entry}); err == nil && len(list) == 0 {
			t.Error("no KDC and no error")
		}
	})
}

func sameName(w krbmsg.Name, g types.PrincipalName) bool {
	return string(w.AppendText(nil)) == kerberos.Principal{Components: g.NameString}.Name()
}
