package wssec

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
)

// checkAlgorithms compares every algorithm that a Signature names with the
// policy.
func (v *verification) checkAlgorithms(s *signature) error {
	if s.Method != v.p.signature.URI {
		return errAt(CodeUnsupportedAlg, s.SignedInfo,
			"SignatureMethod is %.120q; the policy has %q (signature-method)", s.Method, v.p.signature.URI)
	}
	if s.C14NMethod != xmldsig.ExclusiveC14N {
		return errAt(CodeUnsupportedAlg, s.SignedInfo,
			"CanonicalizationMethod %.120q is not %q (BSP R5404)", s.C14NMethod, xmldsig.ExclusiveC14N)
	}
	if len(s.References) == 0 {
		return errAt(CodeSecurityInvalid, s.SignedInfo, "has no Reference, so it signs nothing")
	}
	for i := range s.References {
		r := &s.References[i]
		if r.DigestMethod != v.p.suite.Digest.URI {
			return errAt(CodeUnsupportedAlg, r.Node,
				"DigestMethod is %.120q; the policy's suite %s has %q (algorithm-suite)",
				r.DigestMethod, v.p.suite.Name, v.p.suite.Digest.URI)
		}
		if r.C14NMethod != xmldsig.ExclusiveC14N {
			return errAt(CodeUnsupportedAlg, r.Node, "Transform %.120q is not %q (BSP R5423)",
				r.C14NMethod, xmldsig.ExclusiveC14N)
		}
	}
	return nil
}

// checkReplay enters the SignatureValue, whose HMAC has been checked, in the
// replay store until the Timestamp is no longer accepted. It comes before the
// decryption of the Body, so that a recorded message can be tried once with
// changed ciphertext, not again and again.
func (v *verification) checkReplay() error {
	var waits []func() (bool, error)
	err := v.enterSignatures(&waits)
	if replayed := v.confirmToken(); replayed != nil {
		err = replayed
	}
	for i, wait := range waits {
		if added, failed := wait(); err == nil {
			err = v.checkEntered(v.sigs[i], added, failed)
		}
	}
	return err
}

// enterSignatures enters the SignatureValues. It appends to waits for what the
// replay store is still being asked.
func (v *verification) enterSignatures(waits *[]func() (bool, error)) error {
	if v.p.policy.MessageReplay != SwitchOn || len(v.sigs) == 0 || v.sent != nil && !v.p.remembersReplies(v.sent) {
		return nil
	}
	if v.timestamp == nil {
		if v.token != nil && v.token.fresh {
			return nil // the token is new: the TokenVerifier has checked it for replay
		}
		return errAt(CodeTimestampMissing, v.security, "a message without its own token needs a Timestamp against replay")
	}
	shared, _ := v.p.cfg.Replay.(SharedReplayCache)
	if v.sent == nil {
		if err := v.checkRecorded(v.recordsFrom(shared)); err != nil {
			return err
		}
	}
	for _, s := range v.sigs {
		// The entry lives as long as the Timestamp, so that is digested first.
		if err := v.checkTimestampDigest(s); err != nil {
			return err
		}
		until := v.timestamp.acceptedUntil(&v.p.policy)
		if shared != nil && v.pending != nil {
			client := v.token.Name + "@" + v.token.Realm
			*waits = append(*waits, shared.AddLater(v.ctx, client, replayID(s.Value), v.token.hash, until))
			continue
		}
		added, err := v.addReplay(s.Value, until)
		if err := v.checkEntered(s, added, err); err != nil {
			return err
		}
	}
	if shared != nil && v.sent == nil {
		return v.checkRecorded(shared.RecordsFrom()) // entries may have been lost before this one was made
	}
	return nil
}

// checkEntered returns an error unless a signature was entered.
func (v *verification) checkEntered(s *signature, added bool, err error) error {
	if err != nil {
		return &Error{Code: CodeReplayUnavailable, Path: s.Node.Path(), Err: err}
	}
	if !added {
		return errAt(CodeMessageReplayed, s.Node, "this signature was received, or sent by us, before")
	}
	return nil
}

// recordsFrom returns the time from which on the replay store has lost nothing. A
// store of the process's own matters only to a context that is older than it: after
// a restart one that is in its token, or in a store of all nodes.
func (v *verification) recordsFrom(shared SharedReplayCache) time.Time {
	if shared != nil {
		return shared.RecordsFrom()
	}
	own, ok := v.p.cfg.Replay.(interface {
		CompleteFrom(made time.Time) time.Time
	})
	if sc := v.contexts.context; ok && sc != nil {
		if from := own.CompleteFrom(v.timestamp.created); sc.Created.Before(from) {
			return from
		}
	}
	return time.Time{}
}

// checkRecorded refuses a message without a token of its own that was made before
// the time from which on the replay store has lost nothing.
func (v *verification) checkRecorded(from time.Time) error {
	if v.token != nil && v.token.fresh || !v.timestamp.created.Before(from.Truncate(time.Millisecond)) {
		return nil
	}
	return &Error{Code: CodeReplayUnavailable, Path: v.timestamp.node.Path(), Err: fmt.Errorf(
		"the message was made at %s, and which ones made before %s were accepted is not known: a new one is accepted, "+
			"or one when the client's clock shows that time", v.timestamp.created.UTC().Format(time.RFC3339Nano),
		from.UTC().Format(time.RFC3339Nano))}
}

// addReplay enters a signature: a client's among those of its conversation.
func (v *verification) addReplay(value []byte, until time.Time) (bool, error) {
	if v.sent != nil {
		return v.p.addReplay(v.ctx, &CachedToken{}, conversationID(value), until)
	}
	return v.p.addReplay(v.ctx, &v.token.CachedToken, replayID(value), until)
}

// replayID returns the replay key of a message: the hash of its SignatureValue.
// How the message names its key is not part of it: KeyInfo is not signed, and
// several tokens of one ticket may have one key.
func replayID(value []byte) [32]byte {
	const what = "wssec SignatureValue\x00"
	var room [128]byte
	return sha256.Sum256(append(append(room[:0], what...), value...))
}

// checkTimestampDigest checks the Reference to the Timestamp ahead of all
// others.
func (v *verification) checkTimestampDigest(s *signature) error {
	for i := range s.References {
		r := &s.References[i]
		if r.STRTransform {
			continue
		}
		if n, c14n, err := v.dereference(s, r); err == nil && n == v.timestamp.node {
			return v.checkDigest(r, n, c14n)
		}
	}
	return errAt(CodeNotSigned, v.timestamp.node, "the signature must cover the Timestamp")
}

// processInOrder processes ReferenceLists and Signatures in the order of the
// header: a Signature covers the document as the lists before it left it.
func (v *verification) processInOrder() error {
	if err := v.checkOrder(); err != nil {
		return err
	}
	for pos := range v.order {
		for _, e := range v.encrypted {
			if e.list.position == pos && !e.opened {
				if err := v.open(e); err != nil {
					return err
				}
				if v.isVerified(e.at) && e.part != v.env.Body {
					if err := v.checkPlace(e.part, e.Node); err != nil {
						return err
					}
					v.verified = append(v.verified, e.part) // plaintext of what was signed
					v.covered = append(v.covered, covered{node: e.part})
				}
			}
		}
		for _, s := range v.sigs {
			if s.position == pos {
				if err := v.checkDigests(s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkOrder compares the order found with the policy's [protection order] (SP
// §6.3). A sender prepends, so what is to be undone first stands first.
func (v *verification) checkOrder() error {
	for _, e := range v.encrypted {
		for _, s := range v.sigs {
			if e.isSignature {
				continue // the encrypted Signature itself
			}
			signedFirst := e.list.position < s.position
			if signedFirst != (v.p.policy.ProtectionOrder == SignBeforeEncrypt) {
				return errAt(CodeProtectionOrder, e.list.node,
					"the order of ReferenceList and Signature is not %s (protection-order)", v.p.policy.ProtectionOrder)
			}
		}
	}
	return nil
}

// checkDigests checks the digest of each Reference of a Signature in the
// present state of the document and remembers the nodes.
func (v *verification) checkDigests(s *signature) error {
	start := time.Now()
	v.covered = v.rooms.covered[:0]
	defer func() { v.facts.DigestTime += time.Since(start) }()
	for i := range s.References {
		r := &s.References[i]
		n, c14n, err := v.dereference(s, r)
		if err != nil {
			return err
		}
		for j := range i {
			if s.References[j].URI == r.URI && s.References[j].STRTransform == r.STRTransform {
				return errAt(CodeReference, r.Node, "covers the same part as an earlier Reference")
			}
		}
		if err := v.checkDigest(r, n, c14n); err != nil {
			return err
		}
		v.verified = append(v.verified, n)
		v.covered = append(v.covered, covered{n, c14n})
	}
	return nil
}

// checkDigest digests one node and compares the digest with the Reference's.
func (v *verification) checkDigest(r *xmldsig.Reference, n xmltext.Node, c14n xmltext.C14N) error {
	h := v.p.suite.Digest.Digester()
	defer h.Free()
	if err := n.WriteCanonical(h, c14n); err != nil {
		return &Error{Code: CodeDigestInvalid, Path: n.Path(), Err: err}
	}
	if !r.IsDigest(h.Next()) {
		return errAt(CodeDigestInvalid, r.Node,
			"DigestValue of %s is wrong: the part was changed, or digested in another state", n.Path())
	}
	return nil
}

// dereference returns the node that a Reference covers and how it is
// canonicalized.
func (v *verification) dereference(s *signature, r *xmldsig.Reference) (xmltext.Node, xmltext.C14N, error) {
	if r.STRTransform {
		n, err := v.strTarget(s, r)
		return n, v.strC14N(r), err
	}
	n, err := v.ids.target(r.URI, r.Node)
	if err == nil && n.Grafted() {
		err = errAt(CodeReference, r.Node, "the EncryptedData that it covers was decrypted before")
	}
	if err == nil && n == s.Node {
		err = errAt(CodeReference, r.Node, "a Signature cannot cover itself")
	}
	if err == nil {
		err = v.checkPlace(n, r.Node)
	}
	return n, r.C14N, err
}

// checkPlace refuses an element of the Security header that a signature covers
// elsewhere. A digest does not depend on where its element stands: a Timestamp
// that is moved out of the header keeps its signature, and the message would
// count as one without a Timestamp. WSS §9.3 has the places of an encrypted
// header block and its EncryptedData, and no Reference can name what lies
// deeper than a header block or the Body (idIndex).
func (v *verification) checkPlace(n, at xmltext.Node) error {
	if n.Parent() == v.security || !belongsToSecurity(n) {
		return nil
	}
	return errAt(CodeReference, at,
		"%s is signed and stands outside the Security header that it belongs to: it was moved", n.Name())
}

// isVerified reports whether n itself is covered by a valid Reference.
func (v *verification) isVerified(n xmltext.Node) bool {
	for _, o := range v.verified {
		if o == n {
			return true
		}
	}
	return false
}
