"""Names and e-mail addresses as callers say them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.matching import spoken_email, spoken_name


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("ana@example.com", "ana@example.com"),
        ("Ana.Ruiz+home@Example.co.uk", "Ana.Ruiz+home@Example.co.uk"),
        ("mailto:ana@example.com", "mailto"),
        ("<ana@example.com>.", "ana@example.com"),
        ("ana at gmail dot com", "ana@gmail.com"),
        ("Ana at example dot com", "ana@example.com"),
        ("it's ana at example dot com", "ana@example.com"),
        ("my email is ana at example dot com", "ana@example.com"),
        ("ana dot ruiz at mail dot example dot org", "ana.ruiz@mail.example.org"),
        ("ana underscore ruiz at yahoo dot com", "ana_ruiz@yahoo.com"),
        ("ana under score ruiz at yahoo dot com", "ana_ruiz@yahoo.com"),
        ("ana dash ruiz at outlook dot com", "ana-ruiz@outlook.com"),
        ("ana plus home at gmail dot com", "ana+home@gmail.com"),
        ("a n a at gmail dot com", "ana@gmail.com"),
        ("a double n a at gmail dot com", "anna@gmail.com"),
        ("ana ruiz at gmail dot com", "anaruiz@gmail.com"),
        ("ana ruiz 22 at gmail dot com", "anaruiz22@gmail.com"),
        ("ana two two at gmail dot com", "ana22@gmail.com"),
        ("ana twenty two at gmail dot com", "ana22@gmail.com"),
        ("ana double five at gmail dot com", "ana55@gmail.com"),
        ("b as in boy e n at gmail dot com", "ben@gmail.com"),
        ("ana ruiz all lowercase no spaces at gmail dot com", "anaruiz@gmail.com"),
        ("ana arroba gmail punto com", "ana@gmail.com"),
        ("mi correo es ana punto lópez arroba hotmail punto com", "ana.lopez@hotmail.com"),
        ("ana guion bajo lopez arroba gmail punto com", "ana_lopez@gmail.com"),
        ("ana arroba empresa punto com punto mx", "ana@empresa.com.mx"),
        ("b de burro e n arroba gmail punto com", "ben@gmail.com"),
        ("ana @ gmail . com", "ana@gmail.com"),
        ("ana@gmail dot com", "ana@gmail.com"),
        ("one direction at gmail dot com", None),
        ("three amigos at gmail dot com", None),
        ("ana at the gmail", None),
        ("ana@example", None),
        ("ana@@example.com", None),
        ("ana..ruiz@example.com", None),
        (".ana@example.com", None),
        ("ana at home at gmail dot com", None),
        ("gmail", None),
        ("none", None),
        ("", None),
        ("call me at noon", None),
        ("a" * 300 + "@example.com", None),
    ],
)
def test_email_is_read_as_said(said: str, address: str | None) -> None:
    assert spoken_email(said) == ("ana@example.com" if address == "mailto" else address)


@given(st.text(alphabet="ab at dot.@_-+ \t<>12\u00e9", max_size=60))
def test_whatever_is_said_an_address_is_one_word_with_one_at(said: str) -> None:
    found = spoken_email(said)
    assert found is None or (found.count("@") == 1 and " " not in found and spoken_email(found) == found)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Ana Ruiz", "Ana Ruiz"),
        ("my name is Ana Ruiz", "Ana Ruiz"),
        ("My full name is Ana Ruiz.", "Ana Ruiz"),
        ("this is Ana", "Ana"),
        ("it's Ana Ruiz", "Ana Ruiz"),
        ("it\u2019s Ana", "Ana"),
        ("I'm Ana, thanks", "Ana"),
        ("Ana Ruiz speaking", "Ana Ruiz"),
        ("uh Ana", "Ana"),
        ("um, Ana", "Ana"),
        ("yes, this is Ana", "Ana"),
        ("me llamo Ana L\u00f3pez", "Ana L\u00f3pez"),
        ("soy Ana", "Ana"),
        ("mi nombre es Ana, por favor", "Ana"),
        ("A-N-A", "Ana"),
        ("A N A", "Ana"),
        ("Ana, A-N-A", "Ana"),
        ("Jon, J-O-H-N", "John"),
        ("Ana Ruis, R U I Z", "Ana Ruiz"),
        ("Ana, J-O-H-N", "Ana, J-O-H-N"),
        ("J R Smith", "J R Smith"),
        ("O'Brien", "O'Brien"),
        ("Dr. Ana Ruiz", "Dr. Ana Ruiz"),
        ("Im Soo-jin", "Im Soo-jin"),
        ("Um Ji-won", "Um Ji-won"),
        ("Si Nguyen", "Si Nguyen"),
        ("this is", "this is"),
        ("thanks", "thanks"),
        ("", ""),
    ],
)
def test_name_is_read_without_the_words_around_it(said: str, name: str) -> None:
    assert spoken_name(said) == name


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("A-N-A at gmail dot com", "ana@gmail.com"),
        ("a-n-a dot r-u-i-z at gmail dot com", "ana.ruiz@gmail.com"),
        ("a-n-a@gmail.com", "a-n-a@gmail.com"),
        ("ana dash b at gmail dot com", "ana-b@gmail.com"),
        ("ana at gee mail dot com", "ana@gmail.com"),
        ("double u at gmail dot com", "w@gmail.com"),
        ("ana uno dos tres arroba gmail punto com", "ana123@gmail.com"),
        ("ana tres arroba gmail punto com", "ana3@gmail.com"),
        ("los tres amigos arroba gmail punto com", None),
        ("jane, that's j a n e, at gmail dot com", "jane@gmail.com"),
        ("jayne spelled j a y n e at gmail dot com", "jayne@gmail.com"),
    ],
)
def test_letters_and_spanish_numbers_are_spelt(said: str, address: str | None) -> None:
    assert spoken_email(said) == address


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Jon J O H N Smith", "John Smith"),
        ("Ana, A N A, Ruiz, R U I Z", "Ana Ruiz"),
        ("Jon Smith, J-O-H-N", "John Smith"),
        ("J R R Tolkien", "J R R Tolkien"),
        ("Ana with one n", "Ana"),
        ("Catherine with a C", "Catherine"),
        ("Catherine con C", "Catherine"),
        ("Ana as in banana", "Ana"),
        ("the name's Ben", "Ben"),
        ("under Ana Ruiz", "Ana Ruiz"),
        ("book it for Ana Ruiz", "Ana Ruiz"),
        ("a nombre de Ana Ruiz", "Ana Ruiz"),
        ("le habla Ana Ruiz", "Ana Ruiz"),
        ("Mr. Smith", "Mr. Smith"),
    ],
)
def test_name_is_spelt_anywhere(said: str, name: str) -> None:
    assert spoken_name(said) == name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("J-O-H-N Smith", "John Smith"),
        ("D O L O R E S Whitcomb", "Dolores Whitcomb"),
        ("Smith, S-M-Y-T-H-E", "Smythe"),
        ("Maria, that's M A R I A", "Maria"),
        ("Ana Test, spelled A-N-A T-E-S-T", "Ana Test"),
        ("Ana Ruiz, R as in Robert, U, I, Z", "Ana Ruiz"),
        ("Dolores, D as in David, O, L, O, R, E, S, Whitcomb", "Dolores Whitcomb"),
        ("Ana Test, with two t's", "Ana Test"),
        ("first name Ada last name Lovelace", "Ada Lovelace"),
        ("my last name is Garcia, my first name is Luis", "Luis Garcia"),
        ("nombre Luis apellido García", "Luis García"),
        ("uh Bob, Bob Miller", "Bob Miller"),
        ("The name's Miller, Bob Miller", "Bob Miller"),
        ("this is Maya calling", "Maya"),
        ("you can call me Al", "Al"),
        ("mi nombre es José, con acento en la e", "José"),
        ("Ada. Ada Test.", "Ada Test"),
        ("Tim no sorry Tom Baker", "Tom Baker"),
        ("Tim Baker, no wait, Tom Baker", "Tom Baker"),
        ("Ana Ruis, I mean Ruiz", "Ana Ruiz"),
        ("Ana Ruiz, I mean tomorrow", "Ana Ruiz, I mean tomorrow"),
        ("the name would be Ada Test", "Ada Test"),
        ("you can put it under Ada Test", "Ada Test"),
        ("me, Ada Test", "Ada Test"),
        ("for my wife Ana Ruiz", "Ana Ruiz"),
        ("it's for my roommate, Ben Cole", "Ben Cole"),
        ("para mi esposa Ana Ruiz", "Ana Ruiz"),
        ("Ada Test and my number is 405 555 0100", "Ada Test"),
        ("Ada Test, my email is ada at gmail dot com", "Ada Test"),
        ("A.J. Smith", "A.J. Smith"),
        ("No Yong", "No Yong"),
        ("Mi Nguyen", "Mi Nguyen"),
        ("Para Singh", "Para Singh"),
    ],
)
def test_answer_is_read_for_the_name_in_it(said: str, name: str) -> None:
    assert spoken_name(said) == name


@given(st.text(alphabet="aA bB-.,'J", max_size=40))
def test_name_is_never_emptied(said: str) -> None:
    assert bool(spoken_name(said)) is bool(said)


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("A for apple, D for dog, A for apple at gmail dot com", "ada@gmail.com"),
        ("ada at sign gmail dot com", "ada@gmail.com"),
        ("my email is ada at gmail dot com thank you", "ada@gmail.com"),
        ("ada arroba gmail punto com por favor", "ada@gmail.com"),
        ("ada at gmail dot com I think", None),
        ("ada at gmail dot c o m", "ada@gmail.com"),
        ("ada.test@gmail.com, that's A D A dot T E S T", "ada.test@gmail.com"),
        ("ada oh seven at gmail dot com", "ada07@gmail.com"),
        ("ada oh at gmail dot com", "adaoh@gmail.com"),
    ],
)
def test_email_ends_where_the_address_ends(said: str, address: str | None) -> None:
    assert spoken_email(said) == address
