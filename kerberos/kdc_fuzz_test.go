package kerberos

import (
	"context"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
)

// recordedReplies are replies of fakeKDC to both requests, and the encrypted part of one.
func recordedReplies(f *testing.F) [][]byte {
	f.Helper()
	k := &recordingKDC{}
	i, err := NewInitiator(InitiatorConfig{Client: "alice@A", Password: "secret", KDC: k, RenewLifetime: time.Hour})
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

// FuzzKDCReply: no reply panics; one that is read is of names that are legal, and gokrb5, where it reads it too, finds the
// same.
func FuzzKDCReply(f *testing.F) {
	for _, b := range recordedReplies(f) {
		f.Add(b)
	}
	f.Add(errReply(25))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, msgType := range []byte{11, 13} {
			r, err := parseKDCReply(b, msgType)
			if err != nil {
				continue
			}
			parsePreauth(r.paData)
			if !legalName(string(r.crealm)) || !legalName(string(r.realm)) || len(r.cname.components()) == 0 || len(r.sname.components()) == 0 {
				t.Fatalf("accepted names %q %q", r.crealm, r.realm)
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
			if theirs.CRealm != string(r.crealm) || !sameName(r.cname, theirs.CName) || theirs.Ticket.Realm != string(r.realm) || !sameName(r.sname, theirs.Ticket.SName) ||
				string(theirs.EncPart.Cipher) != string(r.encPart.cipher) || theirs.EncPart.EType != r.encPart.etype {
				t.Errorf("gokrb5 reads %+v", theirs)
			}
		}
		if e, err := parseEncKDCRepPart(b); err == nil && (!legalName(string(e.srealm)) || e.endTime.IsZero()) {
			t.Errorf("%+v", e)
		}
	})
}

// FuzzLogin: whatever a KDC says to a login, in clear or inside what opens with the right key, nothing panics, nothing
// takes long, and no ticket comes of it but one that is for us and lasts.
func FuzzLogin(f *testing.F) {
	for _, b := range recordedReplies(f) {
		f.Add(b, true)
	}
	f.Add(errReply(24), false)
	f.Add(preauthRequired(f, "EXAMPLE"), false)
	key, err := stringToKey(EtypeAES256SHA1, "secret", "Aalice", nil)
	if err != nil {
		f.Fatal(err)
	}
	kt := NewKeytab(KeytabEntry{Principal: Principal{[]string{"alice"}, "A"}, Kvno: 1, Etype: 18, Key: key})
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		i, err := NewInitiator(InitiatorConfig{Client: "alice@A", Keytab: kt, KDC: cannedKDC{b, sealed, key}})
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close()
		ticket, err := i.login(t.Context())
		if err == nil && (ticket.Client.String() != "alice@A" || ticket.Service.String() != "krbtgt/A@A" || !ticket.EndTime.After(time.Now()) || ticket.SessionKey.IsZero()) {
			t.Errorf("%+v", ticket)
		}
	})
}

// cannedKDC gives the same each time: as it is, or as encrypted part of an AS-REP.
type cannedKDC struct {
	b      []byte
	sealed bool
	key    Key
}

func (k cannedKDC) Exchange(context.Context, string, []byte) ([]byte, error) {
	if !k.sealed {
		return k.b, nil
	}
	return derElement(tagApplication(11), derElement(tagSequence,
		derField(0, tagInteger, []byte{5}), derField(1, tagInteger, []byte{11}),
		derField(3, tagGeneralString, []byte("A")), derElement(tagContext(4), derName(1, []string{"alice"})),
		derElement(tagContext(5), derElement(tagApplication(1), derElement(tagSequence, derField(0, tagInteger, []byte{5}),
			derField(1, tagGeneralString, []byte("A")), derElement(tagContext(2), derName(2, []string{"krbtgt", "A"})), derElement(tagContext(3), derEncryptedData(18, make([]byte, 48)))))),
		derElement(tagContext(6), derEncryptedData(18, newUsageKey(k.key, usageASReply).appendSealed(nil, k.b))))), nil
}

// preauthRequired is KDC_ERR_PREAUTH_REQUIRED with ETYPE-INFO2.
func preauthRequired(t testing.TB, salt string) []byte {
	t.Helper()
	info := derElement(tagSequence, derElement(tagSequence, derField(0, tagInteger, []byte{18}), derField(1, tagGeneralString, []byte(salt)), derField(2, tagOctetString, []byte{0, 0, 16, 0})))
	data := derElement(tagSequence, derPAData(paEncTimestamp, nil), derPAData(paETypeInfo2, info), derPAData(paFXCookie, []byte("cookie")))
	return derElement(tagApplication(30), derElement(tagSequence, derField(0, tagInteger, []byte{5}), derField(1, tagInteger, []byte{30}),
		derField(4, tagGeneralizedTime, []byte("20260101000000Z")), derField(5, tagInteger, []byte{0}), derField(6, tagInteger, []byte{25}),
		derField(9, tagGeneralString, []byte("A")), derElement(tagContext(10), derName(2, []string{"krbtgt", "A"})), derField(12, tagOctetString, data)))
}
