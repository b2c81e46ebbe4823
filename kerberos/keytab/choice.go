package keytab

import (
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// OpenTicket decrypts the ciphertext of a ticket. service is the full name of
// the ticket's service; etype and kvno (0 when absent) are of the ticket's
// EncryptedData (RFC 4120 5.2.9). It tries the service's keys of that
// encryption type in this order:
//
//  1. those with the ticket's kvno, or its low octet where the file has only
//     that;
//  2. those with kvno 0, which tools write that do not know it;
//  3. unless exactKvno, the others, newest kvno first: the ticket may be older
//     than the keytab's newest key, or the file may have wrong versions.
//
// For a ticket without kvno it tries all of them, newest first. It returns the
// plaintext, which lies in buf if that is large enough, and the entry whose key
// it was. Errors are [*kerberos.Error] and say what the keytab has and what the
// ticket wants.
func (kt *Keytab) OpenTicket(buf []byte, service string, etype int32, kvno uint32, ciphertext []byte,
	exactKvno bool) (plain []byte, used *Entry, err error) {
	list := kt.byName[service]
	trials, sameEtype, exact := 0, false, false
	for pass := range 3 {
		if pass == 2 && exactKvno && kvno != 0 {
			break
		}
		for _, e := range list {
			if e.Etype != etype || e.open == nil || e.Rank(kvno) != pass {
				continue
			}
			sameEtype = true
			exact = exact || pass == 0
			if trials++; trials > maxTrials {
				break
			}
			if plain, err := e.open(buf, ciphertext); err == nil {
				return plain, e, nil
			}
		}
	}
	return nil, nil, kt.explain(service, etype, kvno, list, sameEtype, exact)
}

// Rank reports how well the entry's kvno fits a ticket's, which may be 0 for
// none: 0 if it is the same, 1 if the entry has none, 2 if it is another.
// [Keytab.OpenTicket] tries entries in this order.
func (e *Entry) Rank(kvno uint32) int {
	switch {
	case e.Kvno == 0:
		return 1
	case kvno == 0, e.Kvno == kvno, e.ShortKvno && e.Kvno == kvno&0xff:
		return 0
	}
	return 2
}

// keytabAhead is how many versions the KDC may be ahead of a file that is about
// to be written: a key may be changed several times in a row.
const keytabAhead = 8

// Awaits reports whether kvno may be of a key that the file is about to get:
// the keytab has keys of the service, all with versions, all older, and the
// newest by a few versions only.
func (kt *Keytab) Awaits(service string, kvno uint32) bool {
	ticket := Entry{Kvno: kvno}
	near := false
	for _, e := range kt.byName[service] {
		if kvno == 0 || e.Kvno == 0 || !newerKvno(&ticket, e) {
			return false
		}
		ahead := kvno - e.Kvno
		if e.ShortKvno {
			ahead &= 0xff
		}
		near = near || ahead <= keytabAhead
	}
	return near
}

// explain returns the error for a ticket that no key decrypts. A missing key is
// never reported as a failed integrity check.
func (kt *Keytab) explain(service string, et int32, kvno uint32, list []*Entry,
	sameEtype, exact bool) *kerberos.Error {
	wants := fmt.Sprintf("etype %d (%s)", et, etype.Name(et))
	if kvno != 0 {
		wants = fmt.Sprintf("kvno %d %s", kvno, wants)
	}
	etypes := false
	newest := uint32(0)
	for _, e := range list {
		etypes = etypes || e.Etype == et
		newest = max(newest, e.Kvno)
	}
	switch {
	case len(list) == 0:
		return kerberos.Errorf(kerberos.CodeNoPrincipal, "ticket is for %s, keytab has no key for it%s",
			service, kt.Nearby(service))
	case !etypes:
		return kerberos.Errorf(kerberos.CodeNoEtype,
			"keytab has %s for %s; ticket wants %s: fetch a new keytab with this encryption type",
			Versions(list), service, wants)
	case exact:
		return kerberos.Errorf(kerberos.CodeTicketIntegrity,
			"keytab has %s for %s; ticket wants %s, and this key does not open it: "+
				"the keytab's key is not the KDC's (fetch a new keytab), or the ticket was altered",
			Versions(list), service, wants)
	case newest == 0 && sameEtype:
		return kerberos.Errorf(kerberos.CodeNoKvno,
			"keytab has %s for %s; ticket wants %s: the keytab has no versions for its keys, and none opens "+
				"the ticket: it is of another password, salt or version: fetch a new keytab, or correct the password or "+
				"salt that the keys are made of",
			Versions(list), service, wants)
	case kvno < newest:
		return kerberos.Errorf(kerberos.CodeNoKvno,
			"keytab has %s for %s; ticket wants %s: the client holds an older ticket; "+
				"it must purge its tickets, or keep the old key in the keytab until they expire%s",
			Versions(list), service, wants, tried(sameEtype))
	}
	return kerberos.Errorf(kerberos.CodeNoKvno, "keytab has %s for %s; ticket wants %s: fetch a new keytab%s",
		Versions(list), service, wants, tried(sameEtype))
}

func tried(any bool) string {
	if any {
		return " (no other key of this encryption type opens the ticket)"
	}
	return ""
}

// Nearby returns the end of an error text about a service that the keytab
// lacks: a principal that is nearly the same, else some that it has.
func (kt *Keytab) Nearby(service string) string {
	wanted, _ := kerberos.ParsePrincipal(service)
	if name, ok := kt.folded[strings.ToLower(service)]; ok {
		return fmt.Sprintf("; it has %s, which differs by upper and lower case only: names must match exactly", name)
	}
	if name, ok := kt.folded[strings.ToLower(wanted.Name())]; ok {
		return fmt.Sprintf("; it has %s, which is of another realm", name)
	}
	if len(kt.names) == 0 {
		return "; it is empty"
	}
	return "; it has keys for " + strings.Join(kt.names[:min(len(kt.names), 8)], ", ")
}

// KeyOf returns the entry whose key decrypts a Ticket (RFC 4120 5.3), of any
// supported encryption type and key version. It shows whether a keytab is good,
// whatever versions it has. The error is a [*kerberos.Error], as a
// gss.Acceptor's.
func (kt *Keytab) KeyOf(ticket []byte) (Entry, error) {
	r, err := krbmsg.TicketInClear(ticket)
	if err != nil {
		return Entry{}, &kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "ticket", Err: err}
	}
	service := string(kerberos.AppendEscaped(append(r.SName.AppendText(nil), '@'), r.Realm))
	_, used, err := kt.OpenTicket(nil, service, r.Ticket.Etype, r.Ticket.Kvno, r.Ticket.Cipher, false)
	if err != nil {
		return Entry{}, err
	}
	return *used, nil
}
