"""Edits of a backward pass, and the search for those that make its gradients right.

A fault is a mutation of the right derivation; an edit is its inverse, tried on the calls of the user's backward pass.
The functions of a file yield the edits of one kind (`Kind`); `search` tries them on a `Bench`.
"""
